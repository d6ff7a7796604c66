// Download all links of the map as GraphML, for Gephi or networkx.
import { html, useState } from '../../core/html.js';
import { Button } from '../../parts/button.js';
import { download } from '../../parts/download.js';

const PATH = '/api/export/links';

export function ExportMap({ minShared }) {
  const [isBusy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    await download({ path: PATH, query: { format: 'graphml', min_shared: minShared }, name: 'map.graphml', type: 'application/xml' });
    setBusy(false);
  };
  return html`<${Button} scope="content" busy=${isBusy} reason=${isBusy ? 'An export is running.' : null} onClick=${save}>Export GraphML<//>`;
}
