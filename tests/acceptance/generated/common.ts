// What every client is called with, and how its answers are checked against that.

declare const process: { argv: string[]; getBuiltinModule(name: "fs"): { readFileSync(path: string): Uint8Array<ArrayBuffer> } };

const [native, edge, zip] = process.argv.slice(2) as [string, string, string];
export const urls = { native, edge };
export const archive = new Blob([process.getBuiltinModule("fs").readFileSync(zip)], { type: "application/zip" });
export const bytes = Uint8Array.from({ length: 768 }, (_, at) => at % 256);

export function check(holds: boolean, shown: unknown): asserts holds {
    if (!holds) throw new Error(`not as expected: ${JSON.stringify(shown)}`);
}

/** Nothing but these bytes: what is no Blob was read as something else. */
export async function equal(found: Blob | undefined, expected: Uint8Array): Promise<boolean> {
    const got = found instanceof Blob ? new Uint8Array(await found.arrayBuffer()) : new Uint8Array();
    return got.length === expected.length && got.every((byte, at) => byte === expected[at]);
}

export async function same(found: Blob | undefined, expected: Uint8Array): Promise<void> {
    check(await equal(found, expected), `${found?.size} bytes, not the ${expected.length} that were stored`);
}
