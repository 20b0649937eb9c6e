// Stream: what comes from the server, as messages and as pictures, one at a time.

export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

// Server-Sent Events over fetch: an EventSource does not tell a viewer that is refused why.
export async function* messages(signal) {
  const response = await fetch("/events.sse", { signal, cache: "no-store" });
  if (!response.ok) throw new Refused(response.status, (await response.text()).trim());
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (text + value).split("\n\n");
    text = parts.pop();
    for (const part of parts) yield JSON.parse(part.slice("data: ".length));
  }
}

// Each picture is asked for when the one before is shown, so a slow line gets fewer and never older ones.
export async function showPictures(signal, show) {
  let number = 0;
  while (!signal.aborted) {
    try {
      const response = await fetch(`/picture.jpg?after=${number}`, { signal, cache: "no-store" });
      if (response.status === 200) {
        number = response.headers.get("X-Picture");
        show(await createImageBitmap(await response.blob()));
      } else {
        await pause(1000);
      }
    } catch {
      await pause(1000);
    }
  }
}

export function pause(ms) {
  return new Promise((done) => setTimeout(done, ms));
}
