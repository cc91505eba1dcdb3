// Which rows are selected: one by one, or a range from the row where the last choice began.

export class Selection {
  keys = new Set<string>();
  #anchor: number | undefined;

  /** Selects a row or takes it out; the next range begins here. */
  toggle(index: number, key: string) {
    if (this.keys.has(key)) this.keys.delete(key);
    else this.keys.add(key);
    this.#anchor = index;
  }

  /** Selects everything between the anchor and a row. Rows without a key are passed over. */
  extendTo(index: number, keyAt: (index: number) => string | undefined) {
    const anchor = this.#anchor ?? index;
    this.#anchor = anchor;
    const [from, to] = anchor < index ? [anchor, index] : [index, anchor];
    for (let at = from; at <= to; at += 1) {
      const key = keyAt(at);
      if (key !== undefined) this.keys.add(key);
    }
  }

  replace(keys: Iterable<string>) {
    this.keys = new Set(keys);
  }

  clear() {
    this.keys.clear();
    this.#anchor = undefined;
  }
}
