// Chart: curves of the last two minutes on a canvas, in the colours of the page.

export const WINDOW_S = 120;
const GAP_S = 2.5; // points further apart are not joined
const LEFT = 34, RIGHT = 6, TOP = 8, BOTTOM = 18;

// points: [second, results, capture, preprocess, invoke, decide, age]; series: [{column, colour}];
// stacked series stand on each other as areas, others are lines.
export function draw(canvas, { points, nowS, series, stacked }) {
  const { context, width, height, style } = prepare(canvas);
  if (!width || !height) return;
  const shown = points.filter((point) => point[0] > nowS - WINDOW_S - 1);
  const curves = makeCurves(shown, series, stacked);
  const top = niceTop(Math.max(0, ...curves.flatMap((curve) => curve.map((point) => point.high))));
  const place = {
    x: (second) => LEFT + (1 - (nowS - second) / WINDOW_S) * (width - LEFT - RIGHT),
    y: (ms) => TOP + (1 - ms / top) * (height - TOP - BOTTOM),
  };
  drawGrid(context, { place, top, width, height, style, nowS });
  context.save();
  context.beginPath();
  context.rect(LEFT, 0, width - LEFT - RIGHT + 1, height);
  context.clip();
  curves.forEach((curve, index) => drawCurve(context, curve, { place, colour: style.getPropertyValue(series[index].colour), stacked }));
  context.restore();
}

function prepare(canvas) {
  const scale = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height, style: getComputedStyle(canvas) };
}

function makeCurves(points, series, stacked) {
  const floor = points.map(() => 0);
  return series.map(({ column }) =>
    points.map((point, index) => {
      const low = stacked ? floor[index] : 0;
      const high = low + point[column];
      floor[index] = high;
      return { second: point[0] + 0.5, low, high };
    }),
  );
}

function niceTop(most) {
  if (!(most > 0)) return 1;
  const step = 10 ** Math.floor(Math.log10(most));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * step).find((top) => top >= most * 1.08) ?? 15 * step;
}

function drawGrid(context, { place, top, width, height, style, nowS }) {
  context.font = `11px ${style.fontFamily}`;
  context.fillStyle = style.getPropertyValue("--muted");
  context.strokeStyle = style.getPropertyValue("--line");
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const ms of [0, top / 2, top]) {
    const y = Math.round(place.y(ms)) + 0.5;
    context.beginPath();
    context.moveTo(LEFT, y);
    context.lineTo(width - RIGHT, y);
    context.stroke();
    context.fillText(String(Number(ms.toPrecision(3))), LEFT - 6, y);
  }
  context.textBaseline = "alphabetic";
  for (const [ago, text, align] of [[WINDOW_S, "2 min ago", "left"], [WINDOW_S / 2, "1 min", "center"], [0, "now", "right"]]) {
    context.textAlign = align;
    context.fillText(text, place.x(nowS - ago), height - 3);
  }
}

function drawCurve(context, curve, { place, colour, stacked }) {
  for (const run of runs(curve)) {
    context.beginPath();
    run.forEach((point) => context.lineTo(place.x(point.second), place.y(point.high)));
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = 1.75;
    context.lineJoin = "round";
    context.stroke();
    if (!stacked) continue;
    [...run].reverse().forEach((point) => context.lineTo(place.x(point.second), place.y(point.low)));
    context.globalAlpha = 0.28;
    context.fill();
    context.globalAlpha = 1;
  }
}

function runs(curve) {
  const found = [];
  let last = -Infinity;
  for (const point of curve) {
    if (point.second - last > GAP_S) found.push([]);
    found.at(-1).push(point);
    last = point.second;
  }
  return found;
}
