// The certified npm `oidc-provider` on loopback, for the tests in tests/real.
//
//   PORT=4000 RP_BASE_URL=http://127.0.0.1:3000 node server.mjs
//
// It prints one line of JSON, {"issuer": "…"}, when it listens, and nothing else on stdout.
//
//   PORT               port on 127.0.0.1; 0 (the default) takes a free one
//   RP_BASE_URL        the application that logs in here; its /callback and / are the registered URIs
//   CLIENT_AUTH        client_secret_basic (default), client_secret_post, private_key_jwt, tls_client_auth, none
//   ID_TOKEN_ALG       RS256 (default), ES256, PS256
//   CLIENT_JWK         the public key of the client, for private_key_jwt
//   ENCRYPTION         alg and enc of ID tokens and userinfo, such as "RSA-OAEP-256 A256GCM"; then both are encrypted
//   DECRYPTION_JWK     the public key that they are encrypted for
//   TLS_FOLDER         where ca.pem and server.pem are, for tls_client_auth: the endpoints are then also at an https port,
//                      for clients with a certificate of that authority, and tokens are bound to it
//   FAPI               security_profile or message_signing: what FAPI 2.0 demands of the client
//   ACCESS_TOKENS      of the API: jwt (default), opaque
//   ACCESS_TOKEN_TTL   seconds, default 600
//   LIFETIME           seconds until it stops by itself, default 600
//
// With the argument --exit-with-stdin it also stops when its standard input closes, so it does not outlive its test.

import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import Provider, { errors } from 'oidc-provider';

// oidc-provider asks for Node.js 22; this one method is all that Node.js 18 and 20.0 lack of it.
URL.parse ??= (uri, base) => (URL.canParse(uri, base) ? new URL(uri, base) : null);

const env = process.env;
const relyingParty = env.RP_BASE_URL ?? 'http://127.0.0.1:3000';
const clientAuth = env.CLIENT_AUTH ?? 'client_secret_basic';
const idTokenAlg = env.ID_TOKEN_ALG ?? 'RS256';
const fapi = env.FAPI;
const jwks = [env.CLIENT_JWK, env.DECRYPTION_JWK].filter(Boolean).map((jwk) => JSON.parse(jwk));
const [encryptionAlg, encryptionEnc] = env.ENCRYPTION?.split(' ') ?? [];
const tlsFolder = env.TLS_FOLDER;
const signed = fapi === 'message_signing';
const accessTokenTtl = Number(env.ACCESS_TOKEN_TTL ?? 600);
const lifetime = Number(env.LIFETIME ?? 600);

/** The client every test is: a confidential one, or a public one when CLIENT_AUTH is none. */
function client() {
  return {
    client_id: 'latchgate',
    ...(clientAuth.startsWith('client_secret') && { client_secret: 'latchgate-secret-of-at-least-32-bytes' }),
    redirect_uris: [`${relyingParty}/callback`],
    post_logout_redirect_uris: [`${relyingParty}/`],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: clientAuth,
    id_token_signed_response_alg: idTokenAlg,
    ...(jwks.length > 0 && { jwks: { keys: jwks } }),
    ...(clientAuth === 'private_key_jwt' && { token_endpoint_auth_signing_alg: 'ES256' }),
    ...(encryptionAlg && {
      id_token_encrypted_response_alg: encryptionAlg,
      id_token_encrypted_response_enc: encryptionEnc,
      userinfo_signed_response_alg: idTokenAlg,
      userinfo_encrypted_response_alg: encryptionAlg,
      userinfo_encrypted_response_enc: encryptionEnc,
    }),
    ...(tlsFolder && {
      tls_client_auth_san_dns: 'latchgate',
      tls_client_certificate_bound_access_tokens: true,
    }),
    ...(fapi && {
      dpop_bound_access_tokens: true,
      require_pushed_authorization_requests: true,
    }),
    ...(signed && {
      request_object_signing_alg: 'ES256',
      require_signed_request_object: true,
      authorization_signed_response_alg: idTokenAlg,
    }),
  };
}

/**
 * A fresh private key, as a JWK. By way of PEM: exporting a key object while its public twin is garbage collected
 * deadlocks Node.js 20 now and then, for both hold one lock.
 */
function privateKey(type, options) {
  const { privateKey } = generateKeyPairSync(type, {
    ...options,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return createPrivateKey(privateKey).export({ format: 'jwk' });
}

/** Fresh signing keys for each run, as JWKs. */
function signingKeys() {
  return [
    { ...privateKey('rsa', { modulusLength: 2048 }), kid: 'rsa-1', use: 'sig', alg: 'RS256' },
    { ...privateKey('rsa', { modulusLength: 2048 }), kid: 'rsa-2', use: 'sig', alg: 'PS256' },
    { ...privateKey('ec', { namedCurve: 'P-256' }), kid: 'ec-1', use: 'sig', alg: 'ES256' },
  ];
}

/** Whoever types a login exists: `alice` is alice@example.com. */
function findAccount(_ctx, id) {
  return {
    accountId: id,
    claims: () => ({
      sub: id,
      name: `${id} Example`,
      given_name: id,
      family_name: 'Example',
      preferred_username: id,
      email: `${id}@example.com`,
      email_verified: true,
    }),
  };
}

/** One API is known here; a request with its `resource` (RFC 8707) gets an access token for it, by default a JWT (RFC 9068). */
const api = `${relyingParty}/api`;
function getResourceServerInfo(_ctx, indicator) {
  if (indicator !== api) throw new errors.InvalidTarget();
  return {
    audience: api,
    scope: 'api:read',
    accessTokenFormat: env.ACCESS_TOKENS ?? 'jwt',
    accessTokenTTL: accessTokenTtl,
    jwt: { sign: { alg: 'RS256' } },
  };
}

/** The certificate of the client's connection. */
function certificate(ctx) {
  return ctx.socket.encrypted ? ctx.socket.getPeerX509Certificate() : undefined;
}

const configuration = {
  ...(tlsFolder && { clientAuthMethods: ['tls_client_auth'] }),
  ...(fapi && {
    clientAuthMethods: ['private_key_jwt'],
    enabledJWA: {
      idTokenSigningAlgValues: ['PS256', 'ES256'],
      authorizationSigningAlgValues: ['PS256', 'ES256'],
      clientAuthSigningAlgValues: ['PS256', 'ES256', 'EdDSA'],
      requestObjectSigningAlgValues: ['PS256', 'ES256', 'EdDSA'],
      dPoPSigningAlgValues: ['PS256', 'ES256', 'EdDSA'],
    },
  }),
  ...(encryptionAlg && {
    enabledJWA: {
      idTokenEncryptionAlgValues: [encryptionAlg],
      idTokenEncryptionEncValues: [encryptionEnc],
      userinfoEncryptionAlgValues: [encryptionAlg],
      userinfoEncryptionEncValues: [encryptionEnc],
    },
  }),
  clients: [client()],
  findAccount,
  jwks: { keys: signingKeys() },
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  claims: {
    openid: ['sub'],
    profile: ['name', 'given_name', 'family_name', 'preferred_username'],
    email: ['email', 'email_verified'],
  },
  scopes: ['openid', 'offline_access', 'api:read'],
  // PKCE is required of everybody; `plain` is not known to this library at all.
  pkce: { required: () => true },
  // The library drops `offline_access` from a request without prompt=consent (OpenID Core §11). A refresh token is
  // issued all the same, so that the tests work whether the client sends that prompt or not.
  issueRefreshToken: (_ctx, candidate) => candidate.grantTypeAllowed('refresh_token'),
  expiresWithSession: () => false,
  // A used refresh token used again revokes the whole grant: a client that refreshes twice at once is found out.
  rotateRefreshToken: true,
  ttl: {
    AccessToken: accessTokenTtl,
    AuthorizationCode: 60,
    Grant: 3600,
    IdToken: 3600,
    Interaction: 600,
    RefreshToken: 3600,
    Session: 3600,
  },
  features: {
    devInteractions: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: { enabled: true, getResourceServerInfo, useGrantedResource: () => true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    userinfo: { enabled: true },
    ...(encryptionAlg && { encryption: { enabled: true }, jwtUserinfo: { enabled: true } }),
    ...(tlsFolder && {
      mTLS: {
        enabled: true,
        tlsClientAuth: true,
        certificateBoundAccessTokens: true,
        getCertificate: certificate,
        certificateAuthorized: (ctx) => ctx.socket.authorized,
        certificateSubjectMatches: (ctx, _property, expected) =>
          certificate(ctx).subjectAltName === `DNS:${expected}`,
      },
    }),
    ...(fapi && {
      fapi: { enabled: true, profile: '2.0' },
      // A nonce is demanded of every proof, at the token endpoint and at resources.
      dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
      pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
    }),
    ...(signed && {
      requestObjects: { enabled: true, requireSignedRequestObject: true },
      jwtResponseModes: { enabled: true },
    }),
  },
};

/** Where clients with a certificate find the endpoints, once there is a server for them. */
async function mtlsServer() {
  const pem = readFileSync(`${tlsFolder}/server.pem`);
  const tls = createTlsServer({
    key: pem,
    cert: pem,
    ca: readFileSync(`${tlsFolder}/ca.pem`),
    requestCert: true,
    rejectUnauthorized: false,
  });
  await new Promise((listening) => tls.listen(0, '127.0.0.1', listening));
  const at = `https://127.0.0.1:${tls.address().port}`;
  configuration.discovery = {
    mtls_endpoint_aliases: {
      token_endpoint: `${at}/token`,
      userinfo_endpoint: `${at}/me`,
      revocation_endpoint: `${at}/token/revocation`,
      introspection_endpoint: `${at}/token/introspection`,
    },
  };
  return tls;
}

const tls = tlsFolder && (await mtlsServer());
const server = createServer();
server.listen(Number(env.PORT ?? 0), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration);
  // Why a request was refused is the first thing to know when a test fails.
  for (const event of ['authorization.error', 'grant.error', 'userinfo.error', 'server_error', 'end_session.error']) {
    provider.on(event, (_ctx, error) => console.error(`${event}: ${error.message}: ${error.error_description ?? ''} ${error.error_detail ?? ''}`));
  }
  server.on('request', provider.callback());
  tls?.on('request', provider.callback());
  process.stdout.write(`${JSON.stringify({ issuer })}\n`);
});

if (process.argv.includes('--exit-with-stdin')) {
  process.stdin.on('end', () => process.exit(0)).resume();
}
setTimeout(() => process.exit(0), lifetime * 1000);
