// The values of runs as the marks of plain charts.
import type { Mark } from '$/chart/plain';
import type { RunsModel } from '../model.svelte';

/** Every run that has arrived and is not hidden, with its values in these columns. */
export function marksOf(model: RunsModel, columns: string[]): Mark[] {
  const { store } = model.data;
  const hidden = new Set(model.view.hidden);
  return model.places.flatMap((place): Mark[] => {
    const run = store.runs[place];
    if (!run || hidden.has(run.id)) return [];
    return [
      {
        key: run.id,
        label: run.name || run.id,
        color: model.colors[place] ?? 0,
        strong: model.selected.has(run.id),
        values: columns.map((column) => store.value(place, column)),
      },
    ];
  });
}

/** Columns that say something when plotted: metrics, and params with more than one value. */
export function plottable(model: RunsModel): { metrics: string[]; params: string[] } {
  const info = model.columns.data;
  return {
    metrics: (info?.metrics ?? []).map((one) => one.name),
    params: (info?.params ?? []).filter((one) => one.distinct > 1).map((one) => one.name),
  };
}
