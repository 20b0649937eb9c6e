// Words: labels, shares and times as people read them.

export const readable = (label) => label.replaceAll("_", " ");
export const percent = (share) => (share > 0 && share < 0.005 ? "< 1 %" : `${Math.round(share * 100)} %`);

export function duration(seconds) {
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  return seconds < 7200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
}

export function sentence({ kind, label, confidence, duration_s, reason, message }) {
  if (kind === "enter") return `${readable(label)} came, ${percent(confidence)}`;
  if (kind === "leave") return `${readable(label)} went after ${duration(duration_s)}${reason === "seen" ? "" : `, ${reason}`}`;
  return message;
}
