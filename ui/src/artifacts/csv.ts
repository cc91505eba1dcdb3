// Reads delimited text as RFC 4180 writes it, leniently: a quote that is never closed ends with the
// text, and rows may have any number of fields. The file may be cut anywhere.

export interface Table {
  columns: string[];
  rows: unknown[][];
}

const CANDIDATES = [',', '\t', ';', '|'];

/** Guesses the delimiter by the first line: the candidate that stands there most often. */
export function guessDelimiter(text: string): string {
  const end = text.search(/[\r\n]/);
  const line = end < 0 ? text : text.slice(0, end);
  let best = ',';
  let most = 0;
  for (const candidate of CANDIDATES) {
    const count = line.split(candidate).length - 1;
    if (count > most) {
      best = candidate;
      most = count;
    }
  }
  return best;
}

/** Splits text into records of fields. */
export function parseRecords(text: string, delimiter: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (at < text.length) {
    const [field, next] = text[at] === '"' ? quoted(text, at, delimiter) : bare(text, at, delimiter);
    record.push(field);
    at = next;
    if (text[at] === delimiter) {
      at += 1;
      if (at === text.length) record.push('');
      continue;
    }
    if (text[at] === '\r' && text[at + 1] === '\n') at += 1;
    at += 1;
    if (record.length > 1 || record[0] !== '') records.push(record);
    record = [];
  }
  if (record.length > 0) records.push(record);
  return records;
}

function isEnd(character: string | undefined, delimiter: string): boolean {
  return character === delimiter || character === '\n' || character === '\r';
}

function bare(text: string, from: number, delimiter: string): [string, number] {
  let at = from;
  while (at < text.length && !isEnd(text[at], delimiter)) at += 1;
  return [text.slice(from, at), at];
}

function quoted(text: string, from: number, delimiter: string): [string, number] {
  let field = '';
  let at = from + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return [field + text.slice(at), text.length];
    field += text.slice(at, quote);
    at = quote + 1;
    if (text[at] !== '"') break;
    field += '"';
    at += 1;
  }
  const [rest, next] = bare(text, at, delimiter);
  return [field + rest, next];
}

/** Reads a table whose first record names the columns; `isCut` drops the last, broken record. */
export function parseCsv(text: string, isCut: boolean): Table {
  const records = parseRecords(text, guessDelimiter(text));
  if (isCut && records.length > 1) records.pop();
  const [columns = [], ...rows] = records;
  const width = rows.reduce((most, row) => Math.max(most, row.length), columns.length);
  while (columns.length < width) columns.push(`column ${columns.length + 1}`);
  return { columns, rows };
}
