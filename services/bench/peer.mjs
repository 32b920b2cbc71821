// The list of a vendor's orders as it is usually written in Node.js: Express, pg and jose. Only for
// comparison; it is never shipped. It does the same work: verifies the token, and reads in a
// transaction that names the company, over prepared statements and a pool of the same size.
import { readFileSync } from "node:fs";
import express from "express";
import { createRemoteJWKSet, jwtVerify } from "jose";
import pg from "pg";

const env = process.env;
const url = new URL(env.DATABASE_URL);
const pool = new pg.Pool({
  host: url.hostname,
  port: Number(url.port),
  user: url.username,
  database: url.pathname.slice(1),
  password: env.PGPASSWORD,
  ssl: { ca: readFileSync(url.searchParams.get("sslrootcert")) },
  max: 4,
  statement_timeout: 10000,
});
const issuer = `https://cognito-idp.${env.AWS_REGION}.amazonaws.com/${env.USER_POOL_ID}`;
const base = `${env.AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER}/${env.USER_POOL_ID}`;
const keys = createRemoteJWKSet(new URL(`${base}/.well-known/jwks.json`));

const text = `select o.id, o.number, o.company_id, c.name as company, o.subject, o.status, o.due_on::text,
    o.total, o.created_at, o.sent_at, o.version
  from orders o join companies c on c.id = o.company_id
  order by o.created_at desc, o.id desc limit $1`;
const set = `select set_config('app.actor', $1, true), set_config('app.company_id', $2, true),
  set_config('app.trace_id', $3, true)`;

const app = express();
app.disable("x-powered-by");
app.get("/health", (_, response) => response.send("ok"));
app.get("/ready", async (_, response) => {
  await pool.query("select max(version) from schema_migrations");
  response.json({ status: "ready" });
});
app.get("/api/orders", async (request, response) => {
  const token = request.headers.authorization?.split(" ")[1] ?? "";
  const options = { issuer, audience: env.USER_POOL_CLIENT_ID, algorithms: ["RS256"] };
  const { payload } = await jwtVerify(token, keys, options);
  const limit = Number(request.query.limit ?? 50);
  const client = await pool.connect();
  try {
    await client.query("begin");
    const values = [payload.sub, payload["custom:company_id"], ""];
    await client.query({ name: "set", text: set, values });
    const { rows } = await client.query({ name: "list", text, values: [limit] });
    await client.query("rollback");
    response.json({ items: rows, next: null });
  } finally {
    client.release();
  }
});
app.listen(Number(env.PORT), "127.0.0.1");
