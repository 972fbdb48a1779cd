/**
 * Apache Parquet: one table of one kind of message. Promises: typed columns (times are UTC timestamps of milliseconds,
 * counters unsigned, texts in dictionaries, samples lists), the unit of each column in its metadata, and no more in memory
 * than one row group, however many rows there are.
 */
import type { ByteWriter, ParquetWriter, SchemaElement } from 'hyparquet-writer';
import type { SampleArray, SensorMessage } from '../../frame/mod.ts';
import type { Column, ColumnType } from './columns.ts';
import type { RowWriter, WriteBytes } from './entry.ts';

/** A row group ends at whichever comes first. */
export const ROW_GROUP = { rows: 32_768, samples: 1_048_576 } as const;

type Cell = number | bigint | string | number[] | null;

/** The library is read when a Parquet file is written, not with every command. */
export async function parquetWriter<Message extends SensorMessage>(write: WriteBytes, columns: readonly Column<Message>[]): Promise<RowWriter<Message>> {
  const library = await import('hyparquet-writer');
  const output = streamTo(new library.ByteWriter(), write);
  const file = new library.ParquetWriter({ writer: output, schema: schemaOf(columns), createdBy: 'thrum' });
  let cells: Cell[][] = columns.map(() => []);
  let rows = 0;
  let samples = 0;

  const flush = async (): Promise<void> => {
    if (rows === 0) return;
    const data = cells;
    const rowGroupSize = rows;
    cells = columns.map(() => []);
    rows = samples = 0;
    await file.write({ columnData: columns.map(({ name, type }, index) => ({ name, data: data[index]!, ...encodingOf(type) })), rowGroupSize });
    nameUnits(file, columns);
  };
  return {
    add: (row) => {
      for (const [index, { type, value }] of columns.entries()) {
        const cell = cellOf(type, value(row));
        cells[index]!.push(cell);
        if (Array.isArray(cell)) samples += cell.length;
      }
      rows += 1;
      return rows < ROW_GROUP.rows && samples < ROW_GROUP.samples ? undefined : flush();
    },
    finish: async () => {
      await flush();
      await file.finish();
    },
  };
}

function cellOf(type: ColumnType, value: number | string | SampleArray | undefined): Cell {
  if (value === undefined || Number.isNaN(value)) return null;
  if (typeof value === 'object') return Array.from(value);
  return type === 'time' && typeof value === 'number' ? BigInt(value) : value;
}

/** Lets what was encoded go after each row group; the library's `offset` goes on counting. */
function streamTo(buffer: ByteWriter, write: WriteBytes): ByteWriter & { flush(): Promise<void>; finish(): Promise<void> } {
  const flush = async (): Promise<void> => {
    const bytes = buffer.getBytes().slice();
    buffer.index = 0;
    if (bytes.length > 0) await write(bytes);
  };
  return Object.assign(buffer, { flush, finish: flush });
}

function encodingOf(type: ColumnType): { encoding?: 'RLE_DICTIONARY' | 'DELTA_BINARY_PACKED' } {
  if (type === 'text') return { encoding: 'RLE_DICTIONARY' };
  return type === 'samples' || type === 'time' ? { encoding: 'DELTA_BINARY_PACKED' } : {};
}

/** Units stand in the metadata of each column chunk of the row group written last, under `unit`. */
function nameUnits(file: ParquetWriter, columns: readonly { readonly name: string; readonly unit?: string }[]): void {
  const units = new Map(columns.map(({ name, unit }) => [name, unit]));
  for (const { meta_data: chunk } of file.row_groups.at(-1)?.columns ?? []) {
    const unit = units.get(chunk?.path_in_schema[0] ?? '');
    if (chunk && unit !== undefined) chunk.key_value_metadata = [{ key: 'unit', value: unit }];
  }
}

function schemaOf(columns: readonly { readonly name: string; readonly type: ColumnType }[]): SchemaElement[] {
  return [{ name: 'root', num_children: columns.length }, ...columns.flatMap(({ name, type }) => elementsOf(name, type))];
}

function elementsOf(name: string, type: ColumnType): SchemaElement[] {
  const optional = { name, repetition_type: 'OPTIONAL' } as const;
  switch (type) {
    case 'time':
      return [{ ...optional, type: 'INT64', converted_type: 'TIMESTAMP_MILLIS', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' } }];
    case 'text':
      return [{ ...optional, type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } }];
    case 'uint32':
      // No logical type: the library writes that of integers in a form that other readers refuse.
      return [{ ...optional, type: 'INT32', converted_type: 'UINT_32' }];
    case 'int32':
      return [{ ...optional, type: 'INT32' }];
    case 'double':
      return [{ ...optional, type: 'DOUBLE' }];
    case 'samples':
      return [
        { ...optional, converted_type: 'LIST', logical_type: { type: 'LIST' }, num_children: 1 },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        { name: 'element', type: 'INT32', repetition_type: 'REQUIRED' },
      ];
  }
}
