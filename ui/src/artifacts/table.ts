// Tables that are not CSV: what `mlflow.log_table` writes, and lists of objects in JSON.

import type { Table } from './csv';

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads `{columns, data}` as MLflow's tables are written, or a list of objects; null for others. */
export function tableOf(value: unknown): Table | null {
  if (isRecord(value)) return splitOriented(value);
  if (Array.isArray(value) && value.length > 0 && value.every(isRecord)) return ofRecords(value);
  return null;
}

function splitOriented(value: Record<string, unknown>): Table | null {
  const { columns, data } = value;
  if (!Array.isArray(columns) || !Array.isArray(data)) return null;
  if (!data.every(Array.isArray)) return null;
  return { columns: columns.map(String), rows: data as unknown[][] };
}

function ofRecords(records: Record<string, unknown>[]): Table {
  const columns: string[] = [];
  const seen = new Set<string>();
  for (const record of records) {
    for (const key of Object.keys(record)) {
      if (!seen.has(key)) columns.push(key);
      seen.add(key);
    }
  }
  return { columns, rows: records.map((record) => columns.map((column) => record[column])) };
}

/** Writes a cell as people read it. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value !== 'object') return String(value);
  return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? inner.toString() : inner));
}

/** Says which columns hold numbers alone in the first rows, so that they are aligned as such. */
export function numericColumns(table: Table): boolean[] {
  const sample = table.rows.slice(0, 200);
  return table.columns.map((_, index) => {
    const cells = sample.map((row) => row[index]).filter((cell) => cell !== '' && cell != null);
    return cells.length > 0 && cells.every(isNumeric);
  });
}

function isNumeric(cell: unknown): boolean {
  if (typeof cell === 'number' || typeof cell === 'bigint') return true;
  return typeof cell === 'string' && cell.trim() !== '' && !Number.isNaN(Number(cell));
}
