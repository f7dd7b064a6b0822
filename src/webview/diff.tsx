const LINES_SHOWN = 40;

/** A unified diff, coloured by line. A summary for the eye: what is approved is the one in the diff editor. */
export function Diff({ text }: { readonly text: string }) {
  const all = text.split('\n').filter((line, index, lines) => line !== '' || index < lines.length - 1);
  const lines = all
    .filter((line) => !/^(Index: |={10,}|diff --git |index )/.test(line))
    .slice(0, LINES_SHOWN);
  const cut = all.length - LINES_SHOWN;
  return (
    <figure class="diff">
      <figcaption class="sr-only">The change as a diff</figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>
        {lines.map((line, index) => (
          <span key={index} class={kindOf(line)}>
            {line}
            {'\n'}
          </span>
        ))}
      </pre>
      {cut > 0 && <p class="dim">{cut} more lines in the diff editor</p>}
    </figure>
  );
}

function kindOf(line: string): string {
  if (/^(---|\+\+\+) /.test(line)) return 'file';
  if (line.startsWith('@@')) return 'hunk';
  if (line.startsWith('+')) return 'added';
  if (line.startsWith('-')) return 'removed';
  return 'same';
}
