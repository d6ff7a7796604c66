// Reads and shows JSON without rounding. JSON.parse rounds integers beyond 2^53, such as ids.
"use strict";

const NUMBER_OR_STRING = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

function isRounded(number) {
  return /^-?\d+$/.test(number) && !Number.isSafeInteger(Number(number));
}

// Returns the value of a JSON text. Integers that JSON.parse would round become texts of their digits.
function parsedExactly(text) {
  return JSON.parse(text.replace(NUMBER_OR_STRING, (part) => (isRounded(part) ? `"${part}"` : part)));
}

// Returns a JSON text with line breaks and indentation. Throws SyntaxError if the text is not JSON.
function indented(text) {
  JSON.parse(text);
  const tokens = text.match(TOKEN) || [];
  let depth = 0;
  const newLine = () => `\n${"  ".repeat(depth)}`;
  return tokens.map((token, index) => {
    if (token === "{" || token === "[") {
      depth += 1;
      return "}]".includes(tokens[index + 1]) ? token : token + newLine();
    }
    if (token === "}" || token === "]") {
      depth -= 1;
      return "{[".includes(tokens[index - 1]) ? token : newLine() + token;
    }
    if (token === ",") return token + newLine();
    if (token === ":") return ": ";
    return token.startsWith('"') ? JSON.stringify(JSON.parse(token)) : token;
  }).join("");
}
