// The language of the page: English is built in, others are loaded when chosen.

import { en, type Words } from './en';

export const LANGUAGES = { en: 'English', de: 'Deutsch' } as const;
export type Language = keyof typeof LANGUAGES;

const KEY = 'language';

class Speech {
  language = $state<Language>('en');
  words = $state.raw<Words>(en);

  async choose(language: Language): Promise<void> {
    this.words = language === 'de' ? (await import('./de')).de : en;
    this.language = language;
    document.documentElement.lang = language;
    localStorage.setItem(KEY, language);
  }

  async restore(): Promise<void> {
    const wanted = localStorage.getItem(KEY) ?? navigator.language.slice(0, 2);
    if (wanted === 'de') await this.choose('de');
  }
}

export const speech = new Speech();
