// Decodes what the gateway publishes as JSON with node-opcua's own decoder of OPC UA JSON (Part 6, 5.4).
// Reads one document from standard input: {edition: "105" | "104", values: {name: DataValue or Variant},
// connection: PubSubConnectionDataType, metadata: DataSetMetaDataType}. Writes what it understood.
"use strict";

const { decodeOPCUA_JSON, v104, v105 } = require("node-opcua-json");
const { PubSubConnectionDataType, DataSetMetaDataType } = require("node-opcua-types");
const { DataType } = require("node-opcua-variant");

const STANDARD = "http://opcfoundation.org/UA/";

function plain(value) {
    if (value === null || value === undefined) return null;
    if (Buffer.isBuffer(value)) return value.toString("base64");
    if (value instanceof Date) return value.toISOString();
    if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
    if (Array.isArray(value) || ArrayBuffer.isView(value)) return Array.from(value, plain);
    return typeof value === "object" ? (value.toJSON ? value.toJSON() : String(value)) : value;
}

const chunks = [];
process.stdin.on("data", (chunk) => chunks.push(chunk));
process.stdin.on("end", () => {
    const given = JSON.parse(Buffer.concat(chunks).toString());
    const codec = given.edition === "104" ? v104 : v105;
    const told = { values: {} };
    for (const [name, json] of Object.entries(given.values || {})) {
        const value = codec.opcuaJsonDecodeDataValue(json, {}, [STANDARD, ...given.namespaces]);
        told.values[name] = {
            type: DataType[value.value.dataType],
            value: plain(value.value.value),
            time: plain(value.sourceTimestamp),
        };
    }
    if (given.connection) {
        const connection = decodeOPCUA_JSON(PubSubConnectionDataType, given.connection);
        const group = connection.writerGroups[0];
        const writer = group.dataSetWriters[0];
        told.connection = {
            name: connection.name,
            publisher: connection.publisherId.value,
            profile: connection.transportProfileUri,
            group: [group.name, group.publishingInterval],
            writer: [writer.name, writer.dataSetWriterId, writer.dataSetFieldContentMask, writer.keyFrameCount],
        };
    }
    if (given.metadata) {
        const metadata = decodeOPCUA_JSON(DataSetMetaDataType, given.metadata);
        told.metadata = {
            version: [metadata.configurationVersion.majorVersion, metadata.configurationVersion.minorVersion],
            fields: metadata.fields.map((field) => [field.name, field.builtInType, String(field.dataType), field.valueRank]),
            structures: (metadata.structureDataTypes || []).map((one) => one.structureDefinition.fields.map((f) => f.name)),
            enumerations: (metadata.enumDataTypes || []).map((one) => one.enumDefinition.fields.map((f) => [f.name, Number(f.value[1])])),
        };
    }
    process.stdout.write(JSON.stringify(told));
});
