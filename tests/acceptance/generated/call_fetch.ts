// Calls both APIs through the clients that openapi-generator made for fetch: `call_fetch.js NATIVE EDGE ZIP`.

import { Configuration, ModelsApi as Records } from "./edge-typescript-fetch/index.js";
import { Configuration as Settings, FilesApi, ModelsApi } from "./native-typescript-fetch/index.js";
import { archive, bytes, check, same, urls } from "./common.js";

const settings = new Settings({ basePath: urls.native });
const files = new FilesApi(settings);
const at = { model: "fetch", version: "1", path: "folder/bytes.bin" };

const stored = await files.putVersionFile({ ...at, body: new Blob([bytes]) });
check(stored.path === at.path && stored.size === bytes.length, stored);
await same(await files.getVersionFile(at), bytes);
await same(await files.getVersionFile({ ...at, range: "bytes=1-4" }), bytes.slice(1, 5));
const listed = await files.listVersionFiles({ model: "fetch", version: "1" });
check("items" in listed && listed.items.length === 1 && listed.items[0]!.sha256 === stored.sha256, listed);
const versions = await new ModelsApi(settings).listVersions({ model: "fetch" });
check(versions.items.length === 1, versions);

const records = new Records(new Configuration({ basePath: urls.edge }));
const made = (await records.createModel({ file: archive, name: "fetch", version: "1", score: 0.5 })).trim();
const found = await records.listModels({ name: "fetch" });
check(found.length === 1 && found[0]!.id === made, found);
check((await records.getModel({ modelId: made })).size === archive.size, made);
await same(await records.getModelFiles({ modelId: made }), new Uint8Array(await archive.arrayBuffer()));
check((await records.updateModel({ modelId: made, category: "letters" })).status === "completed", made);
await records.deleteModel({ modelId: made });
