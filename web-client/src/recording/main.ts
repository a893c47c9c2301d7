/** Starts the page that recording servers open. They call functions of the page by these names (docs/admin/recording.md). */

import { mount } from "svelte";
import { look } from "../core/theme.svelte";
import "../ui/base.css";
import { Recording } from "./recording.svelte";
import RecordingView from "./RecordingView.svelte";

const recording = new Recording();
const functions = {
  signalingGetSettingsForRecording: recording.getSettings,
  signalingJoinCallForRecording: recording.join,
  signalingKill: recording.close,
  SimpleWebRTC: recording.speakers,
};
Object.assign(window, { OCA: { Talk: functions } });
look.start();
mount(RecordingView, { target: document.body, props: { recording } });
