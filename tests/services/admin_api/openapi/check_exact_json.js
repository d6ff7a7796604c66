// Checks exact_json.js: node check_exact_json.js FOLDER_OF_THE_PAGE
"use strict";
const assert = require("node:assert");
const fs = require("node:fs");
const vm = require("node:vm");

vm.runInThisContext(fs.readFileSync(`${process.argv[2]}/exact_json.js`, "utf8"));

const wide = `{
  "id": 9223372036854775807,
  "near": 9007199254740991,
  "part": 1.12345678901234567890,
  "said": "a\\\\\\"9223372036854775807,\\u00e4",
  "deep": [
    {
      "id": -9223372036854775808
    },
    []
  ]
}`;
const read = parsedExactly(wide);
assert.equal(read.id, "9223372036854775807");
assert.equal(read.near, 9007199254740991);
assert.equal(read.part, JSON.parse(wide).part);
assert.equal(read.said, JSON.parse(wide).said);
assert.equal(read.deep[0].id, "-9223372036854775808");
assert.equal(indented(wide), wide.replace("\\u00e4", "ä"));

const small = { a: [1, { b: "c,d:{}" }, []], e: {}, f: [null, true, -1.5e3], "": "" };
assert.equal(indented(JSON.stringify(small)), JSON.stringify(small, null, 2));
assert.equal(indented("7"), "7");
assert.equal(indented("[]"), "[]");
assert.throws(() => indented("<html>"), SyntaxError);
assert.throws(() => parsedExactly("{"), SyntaxError);
