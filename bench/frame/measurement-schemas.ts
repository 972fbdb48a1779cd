/** Measurements in formats that both sides have a schema of: Protocol Buffers (protobufjs), Avro (avsc). */
import avro from 'avsc';
import protobuf from 'protobufjs';
import type { Measurement } from '../../frame/mod.ts';
import { checkRecords, FLOATS, flatRecordOf, type FlatRecord } from './flat-record.ts';
import type { MeasurementCodec } from './measurement-codec.ts';

const BUFFER_BYTES = 64 * 1024;

export function schemaCodecs(messages: readonly Measurement[]): MeasurementCodec[] {
  const records = messages.map(flatRecordOf);
  return [protobufFinished(records), protobufReused(records), avroToBuffer(records), avroReused(records)];
}

/** The numbers up to 15 take one byte: the floats have them, the rest is said with two. */
const PROTO = `syntax = "proto3"; message Measurement {
  ${FLOATS.map((name, index) => `float ${name} = ${index + 1};`).join(' ')}
  bytes sensorId = 15; double timeMs = 16; uint32 bootEpoch = 17; uint32 sequence = 18; uint32 batteryPercent = 19; sint32 rssiDbm = 20;
}`;

/** As the README has it: message instances, `encode(…).finish()`. */
function protobufFinished(records: readonly FlatRecord[]): MeasurementCodec {
  const name = 'protobufjs, encode().finish()';
  const type = protobuf.parse(PROTO, { keepCase: true }).root.lookupType('Measurement');
  const values = records.map((record) => type.create(record));
  const encoded = values.map((value) => type.encode(value).finish());
  return {
    name,
    of: 'others',
    encode: (passes) => {
      let bytes = 0;
      for (let pass = 0; pass < passes; pass++) {
        bytes = 0;
        for (const value of values) bytes += type.encode(value).finish().length;
      }
      return bytes;
    },
    decode: (passes) => {
      for (let pass = 0; pass < passes; pass++) for (const bytes of encoded) type.decode(bytes);
    },
    verify: () => checkRecords(name, records, encoded.map((bytes) => type.decode(bytes))),
  };
}

/** One writer for all, emptied after each: `reset` and `finishInto`. Decoding is as above. */
function protobufReused(records: readonly FlatRecord[]): MeasurementCodec {
  const name = 'protobufjs, one writer';
  const type = protobuf.parse(PROTO, { keepCase: true }).root.lookupType('Measurement');
  const values = records.map((record) => type.create(record));
  const writer = protobuf.Writer.create() as protobuf.Writer & { readonly pos: number };
  const buffer = Buffer.alloc(BUFFER_BYTES);
  const encode = (passes: number): number => {
    let at = 0;
    for (let pass = 0; pass < passes; pass++) {
      at = 0;
      for (const value of values) {
        writer.reset();
        type.encode(value, writer).finishInto(buffer, at);
        at += writer.pos;
      }
    }
    return at;
  };
  const verify = (): void => {
    const each = values.map((value) => type.encode(value).finish());
    if (Buffer.compare(buffer.subarray(0, encode(1)), Buffer.concat(each)) !== 0) throw new Error(`${name}: other bytes than those of a writer for each`);
  };
  return { name, of: 'others', encode, verify };
}

const AVRO: avro.Schema = {
  type: 'record',
  name: 'Measurement',
  fields: [
    { name: 'sensorId', type: { type: 'fixed', name: 'Eui64', size: 8 } },
    { name: 'bootEpoch', type: 'long' },
    { name: 'sequence', type: 'long' },
    { name: 'timeMs', type: 'long' },
    ...FLOATS.map((name) => ({ name, type: 'float' as const })),
    { name: 'batteryPercent', type: 'int' },
    { name: 'rssiDbm', type: 'int' },
  ],
};

function avroToBuffer(records: readonly FlatRecord[]): MeasurementCodec {
  const name = 'avsc, toBuffer';
  const type = avro.Type.forSchema(AVRO);
  const encoded = records.map((record) => type.toBuffer(record));
  return {
    name,
    of: 'others',
    encode: (passes) => {
      let bytes = 0;
      for (let pass = 0; pass < passes; pass++) {
        bytes = 0;
        for (const record of records) bytes += type.toBuffer(record).length;
      }
      return bytes;
    },
    decode: (passes) => {
      for (let pass = 0; pass < passes; pass++) for (const bytes of encoded) type.fromBuffer(bytes);
    },
    verify: () => checkRecords(name, records, encoded.map((bytes) => type.fromBuffer(bytes) as unknown)),
  };
}

/** `encode` and `decode` at places of one buffer. */
function avroReused(records: readonly FlatRecord[]): MeasurementCodec {
  const name = 'avsc, encode into one buffer';
  const type = avro.Type.forSchema(AVRO);
  const buffer = Buffer.alloc(BUFFER_BYTES);
  const encode = (passes: number): number => {
    let at = 0;
    for (let pass = 0; pass < passes; pass++) {
      at = 0;
      for (const record of records) at = type.encode(record, buffer, at);
    }
    return at;
  };
  const decode = (passes: number): void => {
    for (let pass = 0; pass < passes; pass++) for (let at = 0, n = records.length; n > 0; n--) at = type.decode(buffer, at).offset;
  };
  const verify = (): void => {
    encode(1);
    let at = 0;
    const received = records.map((): unknown => {
      const decoded: { readonly value: unknown; readonly offset: number } = type.decode(buffer, at);
      at = decoded.offset;
      return decoded.value;
    });
    checkRecords(name, records, received);
  };
  return { name, of: 'others', encode, decode, verify };
}
