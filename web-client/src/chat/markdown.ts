/** Messages as trees: Markdown, in which `{mention-user1}` and the like are placeholders of the API's parameters. */

import type { Image, Link, RootContent } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmAutolinkLiteralFromMarkdown } from "mdast-util-gfm-autolink-literal";
import { gfmStrikethroughFromMarkdown } from "mdast-util-gfm-strikethrough";
import { gfmTableFromMarkdown } from "mdast-util-gfm-table";
import { gfmTaskListItemFromMarkdown } from "mdast-util-gfm-task-list-item";
import { gfmAutolinkLiteral } from "micromark-extension-gfm-autolink-literal";
import { gfmStrikethrough } from "micromark-extension-gfm-strikethrough";
import { gfmTable } from "micromark-extension-gfm-table";
import { gfmTaskListItem } from "micromark-extension-gfm-task-list-item";
import type { Message } from "../core/api";
import { t } from "../core/i18n.svelte";
import { eventText, nameIn } from "./events";
import { otherPlace } from "./links";

export type Node = RootContent;

const SAFE = /^(https?|mailto|tel|sip|xmpp|matrix|geo|nc):/i;
const MARKUP = /[\\`*_~#>|[\]&!+=-]|^\s*\d+[.)]/m; // without any of these, Markdown is what is read
const MORE_MARKUP = /\n|<|@|:\/\/|www\.|^\s|\s$/i; // and without these, it is also one paragraph without links
const COSTLY = /[*_~`[\]<>|\n]/g; // what a parser needs far more time for, the more of it there is
const MOST_COSTLY = 3000;
const DEEPEST = 16; // levels of the tree
const TOO_DEEP = new RegExp(String.raw`^(?:[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)])[ \t])){${DEEPEST + 1}}`, "m");
const PLACEHOLDER = /(\{[A-Za-z0-9_-]+\})/;

const trees = new WeakMap<Message, Node[]>();

/** Returns the blocks of a message. They are kept, because each row is shown and read out, and comes back by scrolling. */
export function blocksOf(message: Message): Node[] {
  const blocks = trees.get(message) ?? parse(message.message);
  trees.set(message, blocks);
  return blocks;
}

/** Returns the blocks of a text. HTML in it is text, and so is markup that only stops the page of a reader. */
export function parse(text: string): Node[] {
  if ((!MARKUP.test(text) && !MORE_MARKUP.test(text)) || isCostly(text)) {
    return [{ type: "paragraph", children: [{ type: "text", value: text }] }];
  }
  const { children } = fromMarkdown(text, {
    extensions: [gfmAutolinkLiteral(), gfmStrikethrough(), gfmTable(), gfmTaskListItem()],
    mdastExtensions: [
      gfmAutolinkLiteralFromMarkdown(),
      gfmStrikethroughFromMarkdown(),
      gfmTableFromMarkdown(),
      gfmTaskListItemFromMarkdown(),
    ],
  });
  return shallow(children, text, DEEPEST);
}

/** Whether parsing a text could take seconds. */
function isCostly(text: string): boolean {
  return TOO_DEEP.test(text) || (text.match(COSTLY)?.length ?? 0) > MOST_COSTLY;
}

/** Returns the nodes with the deepest ones as text, because each level is an element inside another and takes stack. */
function shallow(nodes: Node[], text: string, levels: number): Node[] {
  return nodes.map((node) => {
    if (!("children" in node)) return node;
    if (levels === 1) {
      const value = text.slice(node.position?.start.offset, node.position?.end.offset);
      return { type: "text", value };
    }
    return { ...node, children: shallow(node.children, text, levels - 1) } as Node;
  });
}

/** Returns the address of a link, or null if following it could run a script or leave the web. */
export function safeAddress(address: string): string | null {
  return SAFE.test(address.trim()) ? address : null;
}

/** Returns the parts of a text: text, and the parameters of its placeholders. */
export function split(text: string, parameters: Parameters): (string | Parameter)[] {
  return text.split(PLACEHOLDER).flatMap((part) => {
    const name = part.slice(1, -1);
    if (part.startsWith("{") && Object.hasOwn(parameters, name)) return parameters[name] ?? [];
    return part === "" ? [] : part;
  });
}

export interface Parameter {
  type: string;
  id: string;
  name: string;
  [field: string]: string;
}
export type Parameters = Record<string, Parameter>;

/** Returns the parameters of a message. The API writes an empty map as a list. */
export function parametersOf(message: Message): Parameters {
  return Array.isArray(message.messageParameters) ? {} : (message.messageParameters as Parameters);
}

/** Returns the thing that a message shares, such as a place or a poll. */
export function sharedIn(message: Message): Parameter | undefined {
  return message.message === "{object}" ? parametersOf(message)["object"] : undefined;
}

/** Returns what was written, with names in place of placeholders: for the clipboard. */
export function sourceText(message: Message): string {
  return withNames(message.message, parametersOf(message));
}

/** Returns the text of a message as it is read, without markup: for previews, quotes and screen readers. */
export function plainText(message: Message): string {
  if (message.systemMessage !== "") {
    const parameters = parametersOf(message);
    return split(eventText(message, parameters), parameters)
      .map((part) => (typeof part === "string" ? part : nameIn(part)))
      .join("");
  }
  if (message.messageType === "voice-message" && message.message === "{file}") return t("chat.voice");
  if (!message.markdown || !MARKUP.test(message.message)) return sourceText(message);
  return withNames(blocksOf(message).map(textOf).join("\n"), parametersOf(message));
}

function withNames(text: string, parameters: Parameters): string {
  return split(text, parameters)
    .map((part) =>
      typeof part === "string" ? part : part.type === "user" || part.type === "call" ? `@${part.name}` : part.name,
    )
    .join("");
}

function textOf(node: Node): string {
  if ("value" in node) return node.value;
  if (node.type === "break") return "\n";
  if (node.type === "link") return wordsOf(node) + placeAfter(node);
  return wordsOf(node);
}

function wordsOf(node: Node): string {
  return "children" in node ? node.children.map(textOf).join(SEPARATORS[node.type] ?? "") : "";
}

/** Returns what follows the text of a link: where it leads if the text looks like another address, else nothing. */
export function placeAfter(node: Link | Image): string {
  const text = node.type === "link" ? wordsOf(node) : (node.alt ?? "");
  const place = otherPlace(node.url, text);
  return place === null ? "" : ` (${place})`;
}

/** What stands between the parts of a block. Others are parts of a line. */
const SEPARATORS: Partial<Record<Node["type"], string>> = {
  blockquote: "\n",
  list: "\n",
  listItem: "\n",
  table: "\n",
  tableRow: " ",
};
