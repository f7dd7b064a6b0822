/** The page of the panel: nothing but the bundle, under a policy that lets nothing else in. */
export function panelHtml(page: {
  readonly script: string;
  readonly style: string;
  /** What `webview.cspSource` says. */
  readonly source: string;
  readonly nonce: string;
}): string {
  const policy = [
    "default-src 'none'",
    `style-src ${page.source}`,
    `script-src 'nonce-${page.nonce}'`,
    `font-src ${page.source}`,
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Plumbline</title>
<link rel="stylesheet" href="${page.style}">
</head>
<body>
<main id="app"></main>
<script nonce="${page.nonce}" src="${page.script}"></script>
</body>
</html>`;
}
