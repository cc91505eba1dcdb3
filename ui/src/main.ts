import { mount } from 'svelte';
import './app.css';
import App from './frame/App.svelte';
import { findRoute } from './frame/routes';
import { askAhead } from './lib/ahead';
import { location } from './lib/router.svelte';

// The first page: what it needs is on its way before its code is there.
const first = findRoute(location.path);
askAhead(first?.route.ahead?.(first.params) ?? []);
void first?.route.load().catch(() => undefined);

const target = document.getElementById('app');
if (target) mount(App, { target });
