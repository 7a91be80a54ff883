// An identity provider for tests: the stock `oidc-provider`, with the users, groups and clients of a file.
//
// usage: idp.mjs CONFIGURATION
//   {"port": 0, "seconds": 300, "audience": "modelport", "algorithm": "RS256", "users": {"alice": {"groups": ["admins"]}},
//    "gone": ["bob"], "secret": "ui-secret", "callback": "http://127.0.0.1:8080/auth/callback", "keys": [JWK, …]}
// Prints `ready ISSUER` when it serves, and keeps what clients sent and were given in CONFIGURATION.grants, one JSON object a line. Passwords are not checked: whoever logs in is who they say. Of users the file is read each time.
import { createServer } from "node:http";
import { appendFileSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// NODE_PATH, by which the harness names the folder of modules, counts for `require` alone.
const { Provider } = await import(pathToFileURL(createRequire(import.meta.url).resolve("oidc-provider")));

const configuration = () => JSON.parse(readFileSync(process.argv[2], "utf8"));
const { port, seconds, audience, algorithm, secret, callback, keys } = configuration();
const server = createServer();
await new Promise((listening) => server.listen(port, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";

const claimsOf = (id) => ({ preferred_username: id, email: `${id}@example.org`, groups: configuration().users[id]?.groups ?? [] });

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "modelport-ui",
      client_secret: secret,
      grant_types: ["authorization_code", "refresh_token"],
      redirect_uris: [callback],
      response_types: ["code"],
    },
    {
      client_id: "modelport-cli",
      token_endpoint_auth_method: "none",
      application_type: "native",
      grant_types: ["authorization_code", "refresh_token", DEVICE],
      redirect_uris: ["http://127.0.0.1/callback"],
      response_types: ["code"],
    },
    {
      client_id: "trainer",
      client_secret: "trainer-secret",
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
    },
  ],
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    devInteractions: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => "https://modelport.test",
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: "registry",
        audience,
        accessTokenFormat: "jwt",
        accessTokenTTL: seconds,
        jwt: { sign: { alg: algorithm } },
      }),
    },
  },
  claims: { openid: ["sub"], profile: ["preferred_username", "groups"], email: ["email"] },
  scopes: ["openid", "profile", "email", "offline_access"],
  conformIdTokenClaims: false,
  findAccount: async (_context, id) =>
    configuration().gone.includes(id) ? undefined : { accountId: id, claims: async () => ({ sub: id, ...claimsOf(id) }) },
  // Each counts once.
  rotateRefreshToken: true,
  extraTokenClaims: async (_context, token) => (token.accountId ? claimsOf(token.accountId) : {}),
  pkce: { required: () => true },
  cookies: { keys: ["test"] },
  ...(keys ? { jwks: { keys } } : {}),
});
provider.on("grant.success", ({ oidc, body }) =>
  appendFileSync(`${process.argv[2]}.grants`, `${JSON.stringify({ ...oidc.params, ...body })}\n`),
);
server.on("request", provider.callback());
console.log(`ready ${issuer}`);
