/**
 * Waveforms in other serialisations: the axes of each waveform and nothing else, as typed arrays where the format has
 * them (msgpackr, cbor-x, Avro bytes). Where it has only numbers, decoding ends when they are in typed arrays again.
 */
import avro from 'avsc';
import { Encoder } from 'cbor-x';
import { Packr } from 'msgpackr';
import protobuf from 'protobufjs';
import type { SampleArray } from '../../frame/mod.ts';
import type { Capture } from './captures.ts';
import { arraysLike, type WaveformCodec } from './waveform-codec.ts';

interface Axes {
  readonly axes: readonly SampleArray[];
}

export function waveformPeers(capture: Capture): WaveformCodec[] {
  const packr = new Packr({ structures: [], moreTypes: true });
  const encoder = new Encoder({ structures: [] });
  const ints = avro.Type.forSchema({ type: 'array', items: { type: 'array', items: 'int' } });
  const blobs = avro.Type.forSchema({ type: 'array', items: 'bytes' });
  const proto = protobuf.parse('syntax = "proto3"; message Axis { repeated sint32 samples = 1; } message Axes { repeated Axis axes = 1; }').root.lookupType('Axes');
  return [
    peer('JSON', capture, {
      encode: ({ axes }) => Buffer.from(JSON.stringify({ axes: axes.map((axis) => Array.from(axis)) })),
      decode: (bytes) => (JSON.parse(bytes.toString()) as { axes: number[][] }).axes,
    }),
    peer('msgpackr, typed arrays', capture, {
      encode: (value) => packr.pack(value),
      decode: (bytes) => (packr.unpack(bytes) as Axes).axes,
    }),
    peer('cbor-x, typed arrays', capture, {
      encode: (value) => encoder.encode(value),
      decode: (bytes) => (encoder.decode(bytes) as Axes).axes,
    }),
    peer('protobufjs, packed sint32', capture, {
      encode: ({ axes }) => proto.encode(proto.create({ axes: axes.map((samples) => ({ samples })) })).finish(),
      decode: (bytes) => (proto.decode(bytes) as unknown as { axes: { samples: number[] }[] }).axes.map(({ samples }) => samples),
    }),
    peer('avsc, array of int', capture, {
      encode: ({ axes }) => ints.toBuffer(axes.map((axis) => Array.from(axis))),
      decode: (bytes) => ints.fromBuffer(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)) as number[][],
    }),
    peer('avsc, bytes', capture, {
      encode: ({ axes }) => blobs.toBuffer(axes.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength))),
      decode: (bytes) => (blobs.fromBuffer(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)) as Buffer[]).map((blob) => arrayOf(blob, capture.bits)),
    }),
  ];
}

/** Samples that lie in memory as here, copied to where an array of them may begin. */
function arrayOf(blob: Buffer, bits: 16 | 24): SampleArray {
  const { buffer } = new Uint8Array(blob);
  return bits === 16 ? new Int16Array(buffer) : new Int32Array(buffer);
}

interface Format {
  readonly encode: (value: Axes) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => readonly (SampleArray | readonly number[])[];
}

function peer(name: string, { waveforms, axes }: Capture, { encode, decode }: Format): WaveformCodec {
  const values: Axes[] = waveforms.map((waveform) => ({ axes: waveform.axes }));
  const spare = arraysLike(axes);
  let encoded: Uint8Array[] = [];
  let decoded: SampleArray[] = [];
  return {
    name,
    kernel: null,
    speed: 'measured',
    encode: () => {
      encoded = values.map(encode);
      return encoded.reduce((sum, { length }) => sum + length, 0);
    },
    decode: () => {
      decoded = encoded.flatMap(decode).map((axis, index) => {
        if (axis instanceof Int16Array || axis instanceof Int32Array) return axis;
        spare[index]!.set(axis);
        return spare[index]!;
      });
    },
    decoded: () => decoded,
  };
}
