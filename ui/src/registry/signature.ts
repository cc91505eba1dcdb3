// A model's signature as rows of a table. Inputs and outputs are lists of columns or tensors, as
// MLflow writes them: parsed, or as JSON in a text.

export interface SignatureColumn {
  name: string;
  type: string;
  isRequired: boolean;
  defaultText: string;
}

export interface SignatureView {
  inputs: SignatureColumn[];
  outputs: SignatureColumn[];
  params: SignatureColumn[];
}

/** Reads a signature; a part that cannot be read is empty. */
export function signatureOf(value: unknown): SignatureView {
  const parts = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  return {
    inputs: columnsOf(parts.inputs),
    outputs: columnsOf(parts.outputs),
    params: columnsOf(parts.params),
  };
}

function columnsOf(part: unknown): SignatureColumn[] {
  const list = typeof part === 'string' ? parsed(part) : part;
  if (!Array.isArray(list)) return [];
  return list.map((column, index) => columnOf(column as Record<string, unknown>, index));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function columnOf(column: Record<string, unknown>, index: number): SignatureColumn {
  const fallback = column.default;
  return {
    name: typeof column.name === 'string' ? column.name : `[${index}]`,
    type: typeText(column),
    isRequired: column.required !== false && fallback === undefined,
    defaultText: fallback === undefined ? '' : JSON.stringify(fallback),
  };
}

/** Writes a type in one line: `double`, `tensor float32 [-1, 3]`, `array<string>`, `{a: long}`. */
export function typeText(column: Record<string, unknown>): string {
  const spec = column['tensor-spec'] as { dtype?: string; shape?: number[] } | undefined;
  if (spec) return `tensor ${spec.dtype ?? ''} [${(spec.shape ?? []).join(', ')}]`;
  const type = String(column.type ?? column.dtype ?? 'any');
  if (type === 'array') {
    const items = column.items;
    return `array<${typeof items === 'object' && items ? typeText(items as never) : 'any'}>`;
  }
  if (type === 'map') {
    const values = column.values;
    return `map<${typeof values === 'object' && values ? typeText(values as never) : 'any'}>`;
  }
  if (type !== 'object') return type;
  const properties = Object.entries((column.properties ?? {}) as Record<string, never>);
  const inner = properties.map(([name, property]) => `${name}: ${typeText(property)}`);
  return `{${inner.join(', ')}}`;
}
