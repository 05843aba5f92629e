export type Theme = 'system' | 'light' | 'dark';

const KEY = 'theme';

export const theme = $state<{ value: Theme }>({ value: 'system' });

export function restoreTheme(): void {
  const kept = localStorage.getItem(KEY);
  choose(kept === 'light' || kept === 'dark' ? kept : 'system');
}

export function choose(value: Theme): void {
  theme.value = value;
  localStorage.setItem(KEY, value);
  if (value === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = value;
}
