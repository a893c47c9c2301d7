/** Starts the client in the page that the server sent. */

import { mount } from "svelte";
import App from "./App.svelte";
import { showKeptColors } from "./core/session.svelte";
import { look } from "./core/theme.svelte";
import "./ui/base.css";
import { keepFocus } from "./ui/focus";

look.start();
keepFocus();
showKeptColors();
mount(App, { target: document.body });
