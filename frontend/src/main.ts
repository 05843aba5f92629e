import { mount } from 'svelte';

import App from './App.svelte';
import './app.css';
import { restoreTheme } from './lib/theme.svelte';

restoreTheme();
const target = document.getElementById('app');
if (target) mount(App, { target });

if ('serviceWorker' in navigator && import.meta.env.PROD) {
  // Its scope is the page without the slash too, which the server allows by a header.
  void navigator.serviceWorker.register('/marketplace/sw.js', { scope: '/marketplace' }).catch(() => {
    // Without it everything works but the shell without a network.
  });
}
