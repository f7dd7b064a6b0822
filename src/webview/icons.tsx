/** Small drawings in the text's colour; each stands beside words, so none is announced. */

const paths = {
  check: 'M3.5 8.5l3 3 6-7',
  cross: 'M4 4l8 8M12 4l-8 8',
  alert: 'M8 2.2l6.2 11.3H1.8zM8 6.3v3.4M8 11.6v.2',
  question: 'M5.6 6a2.4 2.4 0 114 1.8c-.9.7-1.6 1.1-1.6 2.2M8 12.4v.2',
  arrow: 'M3 8h10M9.5 4.5L13 8l-3.5 3.5',
  out: 'M6.5 3.5h-3v9h9v-3M9 3.5h3.5V7M12.3 3.7L7.5 8.5',
  table: 'M2.5 3.5h11v9h-11zM2.5 6.5h11M6.5 6.5v6',
  chart: 'M2.5 2.5v11h11M4.8 10.5l2.7-3.4 2.2 1.8 3-4.4',
  minus: 'M4 8h8',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
