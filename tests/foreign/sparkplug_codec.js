// Eclipse Tahu's JavaScript payload library beside ours: without an argument it prints the hexadecimal bytes of a payload that has
// everything in it; with the bytes of one it prints what it reads there.
"use strict";

const { decodePayload, encodePayload } = require("sparkplug-payload").get("spBv1.0");

const EVERYTHING = {
  timestamp: 1790000000000,
  seq: 7,
  uuid: "schema",
  body: Buffer.from("body"),
  metrics: [
    { name: "Int8", type: "Int8", value: -5, timestamp: 1, alias: 300, isHistorical: true, isTransient: true },
    { name: "Int64", type: "Int64", value: 1234567890123 },
    { name: "Float", type: "Float", value: 1.5 },
    { name: "Boolean", type: "Boolean", value: true },
    { name: "Null", type: "String", value: null, isNull: true },
    { name: "Bytes", type: "Bytes", value: Buffer.from([0, 255]), metadata: { fileName: "x", size: 2, md5: "m" } },
    {
      name: "Properties",
      type: "Double",
      value: 2.5,
      properties: { engUnit: { type: "String", value: "°C" }, more: { type: "PropertySet", value: { a: { type: "Int32", value: 1 } } } },
    },
    {
      name: "Table",
      type: "DataSet",
      value: { numOfColumns: 2, types: ["UInt32", "String"], columns: ["a", "b"], rows: [[1, "x"], [2, "y"]] },
    },
    {
      name: "Motor",
      type: "Template",
      value: {
        isDefinition: false,
        templateRef: "MotorType",
        version: "1",
        metrics: [{ name: "Speed", type: "Double", value: 1400 }],
        parameters: [{ name: "Rated", type: "Double", value: 1500 }],
      },
    },
  ],
};

const given = process.argv[2];
if (given === undefined) console.log(Buffer.from(encodePayload(EVERYTHING)).toString("hex"));
else console.log(JSON.stringify(decodePayload(Buffer.from(given, "hex"))));
