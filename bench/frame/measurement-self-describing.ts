/** Measurements in formats that need no schema: JSON, MessagePack (msgpackr), CBOR (cbor-x). */
import { deepStrictEqual } from 'node:assert';
import { Encoder, FLOAT32_OPTIONS as CBOR_FLOAT32 } from 'cbor-x';
import { FLOAT32_OPTIONS, Packr } from 'msgpackr';
import { asSent, type Measurement } from '../../frame/mod.ts';
import { checkRecords, flatRecordOf, type FlatRecord } from './flat-record.ts';
import type { MeasurementCodec } from './measurement-codec.ts';

const ARENA_BYTES = 64 * 1024;

export function selfDescribingCodecs(messages: readonly Measurement[]): MeasurementCodec[] {
  const records = messages.map(flatRecordOf);
  return [
    json('JSON, whole message', messages.map(asSent)),
    json('JSON, same content', messages.map((message) => ({ ...flatRecordOf(message), sensorId: message.sensorId }))),
    messagePack('msgpackr, shared structures', new Packr({ structures: [], useFloat32: FLOAT32_OPTIONS.ALWAYS }), records),
    messagePack('msgpackr, plain maps', new Packr({ useRecords: false, variableMapSize: true, useFloat32: FLOAT32_OPTIONS.ALWAYS }), records),
    cbor('cbor-x, shared structures', new Encoder({ structures: [], useFloat32: CBOR_FLOAT32.ALWAYS }), records),
    cbor('cbor-x, plain maps', new Encoder({ useRecords: false, variableMapSize: true, useFloat32: CBOR_FLOAT32.ALWAYS }), records),
  ];
}

function json(name: string, values: readonly object[]): MeasurementCodec {
  const encoded = values.map((value) => Buffer.from(JSON.stringify(value)));
  return {
    name,
    of: 'others',
    encode: (passes) => {
      let bytes = 0;
      for (let pass = 0; pass < passes; pass++) {
        bytes = 0;
        for (const value of values) bytes += Buffer.from(JSON.stringify(value)).length;
      }
      return bytes;
    },
    decode: (passes) => {
      for (let pass = 0; pass < passes; pass++) for (const bytes of encoded) JSON.parse(bytes.toString());
    },
    verify: () => deepStrictEqual(encoded.map((bytes) => JSON.parse(bytes.toString()) as unknown), values),
  };
}

/** Into an arena that is used again: `useBuffer`, which the README names as the way to more speed. */
function messagePack(name: string, packr: Packr, records: readonly FlatRecord[]): MeasurementCodec {
  const encoded = records.map((record) => Buffer.from(packr.pack(record)));
  const arena = Buffer.alloc(ARENA_BYTES);
  return {
    name,
    of: 'others',
    encode: (passes) => {
      let bytes = 0;
      for (let pass = 0; pass < passes; pass++) {
        bytes = 0;
        packr.useBuffer(arena);
        for (const record of records) bytes += packr.pack(record).length;
      }
      return bytes;
    },
    decode: (passes) => {
      for (let pass = 0; pass < passes; pass++) for (const bytes of encoded) packr.unpack(bytes);
    },
    verify: () => checkRecords(name, records, encoded.map((bytes) => packr.unpack(bytes) as unknown)),
  };
}

/** `useBuffer` is in the README, and not in the types. */
type ArenaEncoder = Encoder & { useBuffer(buffer: Uint8Array): void };

function cbor(name: string, encoder: Encoder, records: readonly FlatRecord[]): MeasurementCodec {
  const encoded = records.map((record) => Buffer.from(encoder.encode(record)));
  const arena = Buffer.alloc(ARENA_BYTES);
  return {
    name,
    of: 'others',
    encode: (passes) => {
      let bytes = 0;
      for (let pass = 0; pass < passes; pass++) {
        bytes = 0;
        (encoder as ArenaEncoder).useBuffer(arena);
        for (const record of records) bytes += encoder.encode(record).length;
      }
      return bytes;
    },
    decode: (passes) => {
      for (let pass = 0; pass < passes; pass++) for (const bytes of encoded) encoder.decode(bytes);
    },
    verify: () => checkRecords(name, records, encoded.map((bytes) => encoder.decode(bytes) as unknown)),
  };
}
