// Calls both APIs through openapi-fetch with the types of openapi-typescript: `call_openapi_fetch.js NATIVE EDGE ZIP`.

import createClient from "openapi-fetch";
import type { paths as Edge } from "./edge.js";
import type { paths as Native } from "./native.js";
import { archive, bytes, check, same, urls } from "./common.js";

const native = createClient<Native>({ baseUrl: urls.native });
const FILE = "/api/v1/models/{model}/versions/{version}/files/{path}";
const path = { model: "openapi-fetch", version: "1", path: "folder/bytes.bin" };
const octets = { "Content-Type": "application/octet-stream" };
// What OpenAPI calls bytes is a string to TypeScript's types; the serializer says what is sent.
const sent = (what: Blob) => ({ body: "", bodySerializer: () => what, headers: octets });

const stored = await native.PUT(FILE, { params: { path }, ...sent(new Blob([bytes])) });
check(stored.data?.path === path.path && stored.data.size === bytes.length, stored.error);
const read = await native.GET(FILE, { params: { path }, parseAs: "blob" });
await same(read.data as Blob | undefined, bytes);
const part = await native.GET(FILE, { params: { path, header: { Range: "bytes=1-4" } }, parseAs: "blob" });
await same(part.data as Blob | undefined, bytes.slice(1, 5));
const ofVersion = { path: { model: path.model, version: path.version } };
const listed = await native.GET("/api/v1/models/{model}/versions/{version}/files", { params: ofVersion });
check(JSON.stringify(listed.data).includes(stored.data!.sha256), listed.error);
const version = await native.GET("/api/v1/models/{model}/versions/{version}", { params: ofVersion });
check(version.data?.name === "1", version.error);

const edge = createClient<Edge>({ baseUrl: urls.edge });
const form = new FormData();
form.append("file", archive, "m.zip");
form.append("name", "openapi-fetch");
form.append("version", "1");
const made = await edge.POST("/models", {
    body: { file: "", name: "openapi-fetch", version: "1" },
    bodySerializer: () => form,
    parseAs: "text",
});
const id = { model_id: String(made.data).trim() };
const found = await edge.GET("/models", { params: { query: { name: "openapi-fetch" } } });
check(found.data?.length === 1 && found.data[0]!.id === id.model_id, found.error);
const record = await edge.GET("/models/{model_id}", { params: { path: id } });
check(record.data?.size === archive.size, record.error);
const whole = await edge.GET("/models/{model_id}/files", { params: { path: id }, parseAs: "blob" });
await same(whole.data as Blob | undefined, new Uint8Array(await archive.arrayBuffer()));
const changed = await edge.PUT("/models/{model_id}", {
    params: { path: id },
    body: { category: "letters" },
    bodySerializer: (body) => new URLSearchParams(body as Record<string, string>),
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
});
check(changed.data?.status === "completed", changed.error);
const gone = await edge.DELETE("/models/{model_id}", { params: { path: id } });
check(gone.response.status === 204, gone.error);
