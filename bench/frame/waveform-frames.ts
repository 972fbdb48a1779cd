/** Waveforms as frames, by each mode and kernel; and their arrays copied, which is what cannot be beaten. */
import { decodeMessage, encodeMessage, maxFrameLength, type WaveformMode } from '../../frame/mod.ts';
import { allKernels, useKernel } from '../../frame/kernel/choose.ts';
import type { Kernel } from '../../frame/kernel/kernel.ts';
import type { Capture } from './captures.ts';
import { arraysLike, type WaveformCodec } from './waveform-codec.ts';

export function waveformFrameCodecs(capture: Capture): WaveformCodec[] {
  const modes: WaveformMode[] = ['tight', 'fast'];
  const kernels = allKernels().reverse();
  return [...modes.flatMap((mode) => kernels.map((kernel) => frames(capture, mode, kernel))), copies(capture)];
}

/** All frames one after the other in one buffer; decoded into arrays that are there. */
function frames({ waveforms, axes }: Capture, mode: WaveformMode, kernel: Kernel): WaveformCodec {
  const buffer = new Uint8Array(waveforms.reduce((sum, waveform) => sum + maxFrameLength(waveform), 0));
  const ends = new Array<number>(waveforms.length).fill(0);
  const arrays = arraysLike(axes);
  let next = 0;
  return {
    name: `thrum ${mode}`,
    kernel: kernel.name,
    speed: 'measured',
    encode: () => {
      useKernel(kernel);
      let at = 0;
      for (const [index, waveform] of waveforms.entries()) ends[index] = at = encodeMessage(waveform, buffer, at, mode);
      return at;
    },
    decode: () => {
      useKernel(kernel);
      let at = 0;
      next = 0;
      for (const end of ends) {
        decodeMessage(buffer.subarray(at, end), () => arrays[next++]!);
        at = end;
      }
    },
    decoded: () => arrays,
  };
}

function copies({ axes }: Capture): WaveformCodec {
  const [there, back] = [arraysLike(axes), arraysLike(axes)];
  return {
    name: 'typed arrays copied',
    kernel: null,
    speed: 'measured',
    encode: () => {
      for (let index = 0; index < axes.length; index++) there[index]!.set(axes[index]!);
      return there.reduce((sum, { byteLength }) => sum + byteLength, 0);
    },
    decode: () => {
      for (let index = 0; index < axes.length; index++) back[index]!.set(there[index]!);
    },
    decoded: () => back,
  };
}
