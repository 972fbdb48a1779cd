/** Fewer, longer intervals of the same run: neighbours are added up, so nothing is lost but where within them it was. */
import { Measures } from '../measures.ts';
import type { SeriesPoint } from '../report.ts';

/** Every two neighbours of a stage as one, again and again until there are at most so many; a stage keeps one at least. */
export function condensed(points: readonly SeriesPoint[], most: number): readonly SeriesPoint[] {
  let all = points;
  while (all.length > most) {
    const fewer = pairsJoined(all);
    if (fewer.length === all.length) return all;
    all = fewer;
  }
  return all;
}

function pairsJoined(points: readonly SeriesPoint[]): SeriesPoint[] {
  const fewer: SeriesPoint[] = [];
  for (let at = 0; at < points.length; at += 1) {
    const [one, next] = [points[at]!, points[at + 1]];
    if (next?.stage !== one.stage) {
      fewer.push(one);
      continue;
    }
    fewer.push(joined(one, next));
    at += 1;
  }
  return fewer;
}

function joined(one: SeriesPoint, next: SeriesPoint): SeriesPoint {
  const measures = Measures.of(one.measures);
  measures.add(next.measures);
  return {
    ...next,
    lengthMs: one.lengthMs + next.lengthMs,
    measures: measures.toData(),
    cpuMs: one.cpuMs + next.cpuMs,
    loopDelayP99Ms: Math.max(one.loopDelayP99Ms, next.loopDelayP99Ms),
    busiestWorker: Math.max(one.busiestWorker, next.busiestWorker),
  };
}
