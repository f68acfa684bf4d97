// A Sparkplug host application on Eclipse Tahu's JavaScript payload library: follows one edge node by its births, aliases and
// numbers, and prints a line of JSON for each message. Commands are lines of JSON on its standard input:
// {"do": "state", "online": true}, {"do": "rebirth"}, {"do": "write", "device", "metric", "type", "value"}.
"use strict";

const readline = require("node:readline");
const mqtt = require("mqtt");
const { Payload } = require("sparkplug-payload/lib/sparkplugPayloadProto").org.eclipse.tahu.protobuf;
const { decodePayload, encodePayload } = require("sparkplug-payload").get("spBv1.0");

const [url, group, node, host] = process.argv.slice(2);
const stateTopic = `spBv1.0/STATE/${host}`;
const known = new Map(); // device -> alias -> {name, type}
let expected = null;

function plain(value) {
  if (value === null || value === undefined) return null;
  if (typeof value === "object" && typeof value.toNumber === "function") return value.toNumber();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
  return value;
}

function told(metric) {
  const properties = Object.fromEntries(
    Object.entries(metric.properties ?? {}).map(([name, property]) => [name, plain(property.value)]),
  );
  return {
    value: plain(metric.value),
    type: metric.type,
    timestamp: plain(metric.timestamp),
    historical: metric.isHistorical ?? false,
    ...(Object.keys(properties).length ? { properties } : {}),
  };
}

// Data leave out the types, which the library wants beside each value: they are put back as the birth told them.
function withTypes(bytes, aliases) {
  const raw = Payload.decode(bytes);
  const unknown = [];
  for (const metric of raw.metrics) {
    const found = aliases.get(plain(metric.alias));
    if (found === undefined) unknown.push(plain(metric.alias));
    else metric.datatype = found.datatype;
  }
  return { payload: decodePayload(Payload.encode(raw).finish()), unknown };
}

function born(device, bytes) {
  const raw = Payload.decode(bytes);
  known.set(
    device,
    new Map(
      raw.metrics.filter((metric) => metric.hasOwnProperty("alias")).map((metric) => [plain(metric.alias), metric]),
    ),
  );
  return { payload: decodePayload(bytes), unknown: [] };
}

function take(topic, bytes, packet) {
  const [, , verb, , device = ""] = topic.split("/");
  if (verb === "NCMD" || verb === "DCMD") return;
  const isBirth = verb.endsWith("BIRTH");
  const { payload, unknown } = isBirth
    ? born(device, bytes)
    : verb === "NDEATH"
      ? { payload: decodePayload(bytes), unknown: [] }
      : withTypes(bytes, known.get(device) ?? new Map());
  const sequence = payload.seq === undefined ? null : plain(payload.seq);
  if (verb === "NBIRTH") expected = sequence;
  const gap = verb !== "NDEATH" && sequence !== expected;
  if (verb !== "NDEATH") expected = (sequence + 1) % 256;
  const metrics = (payload.metrics ?? []).map((metric) => [
    metric.name ?? known.get(device)?.get(plain(metric.alias))?.name ?? `?${plain(metric.alias)}`,
    told(metric),
  ]);
  const line = { verb, device, seq: sequence, gap, unknown, metrics, qos: packet.qos, retain: packet.retain };
  console.log(JSON.stringify({ ...line, timestamp: plain(payload.timestamp) ?? null }));
}

const client = mqtt.connect(url, {
  clientId: `host-${process.pid}`,
  reconnectPeriod: 50,
  will: { topic: stateTopic, payload: JSON.stringify({ online: false, timestamp: Date.now() }), qos: 1, retain: true },
});
client.on("connect", () => {
  client.subscribe(`spBv1.0/${group}/+/${node}/#`, { qos: 1 }, () => console.log(JSON.stringify({ verb: "ready" })));
});
client.on("message", take);

function send(verb, device, metrics) {
  const payload = Buffer.from(encodePayload({ timestamp: Date.now(), metrics }));
  client.publish(`spBv1.0/${group}/${verb}/${node}${device ? `/${device}` : ""}`, payload);
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const asked = JSON.parse(line);
  if (asked.do === "rebirth") send("NCMD", "", [{ name: "Node Control/Rebirth", type: "Boolean", value: true }]);
  if (asked.do === "write") {
    const aliases = [...(known.get(asked.device) ?? new Map())];
    const alias = aliases.find(([, metric]) => metric.name === asked.metric)?.[0];
    const what = alias === undefined ? { name: asked.metric } : { alias };
    send(asked.device ? "DCMD" : "NCMD", asked.device, [{ ...what, type: asked.type, value: asked.value }]);
  }
  if (asked.do === "state") {
    const payload = JSON.stringify({ online: asked.online, timestamp: asked.timestamp ?? Date.now() });
    client.publish(stateTopic, payload, { qos: 1, retain: true });
  }
});
process.stdin.on("end", () => client.end(true, {}, () => process.exit(0)));
