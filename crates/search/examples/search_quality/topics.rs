//! What the market is about: each topic with the words by which different people name it, in five
//! languages.

use marketplace_search::ServiceKind;

/// The languages in which listings are written, and how many of a hundred are.
pub(crate) const LANGUAGES: [(usize, &str); 5] =
    [(64, "en"), (12, "de"), (10, "fr"), (8, "es"), (6, "ru")];

/// In one language: ways to say what is done, and to what.
pub(crate) struct Phrases {
    pub(crate) actions: &'static [&'static str],
    pub(crate) objects: &'static [&'static str],
}

pub(crate) struct Topic {
    pub(crate) kind: ServiceKind,
    /// Usual price, in AVT.
    pub(crate) price: i64,
    /// In the order of [`LANGUAGES`].
    pub(crate) phrases: [Phrases; 5],
}

const fn phrases(actions: &'static [&'static str], objects: &'static [&'static str]) -> Phrases {
    Phrases { actions, objects }
}

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        kind: ServiceKind::DataProcessing,
        price: 5,
        phrases: [
            phrases(
                &["clean", "tidy", "scrub", "normalize", "deduplicate"],
                &["csv files", "spreadsheets", "tabular data", "customer tables"],
            ),
            phrases(&["bereinigen", "säubern"], &["Tabellen", "CSV Dateien"]),
            phrases(&["nettoyer", "dédoublonner"], &["tableaux", "fichiers csv"]),
            phrases(&["limpiar", "depurar"], &["tablas", "hojas de cálculo"]),
            phrases(&["очистка", "дедупликация"], &["таблиц", "данных csv"]),
        ],
    },
    Topic {
        kind: ServiceKind::DataProcessing,
        price: 12,
        phrases: [
            phrases(
                &["extract", "scrape", "harvest", "collect"],
                &["web pages", "product prices", "online shops", "contact details"],
            ),
            phrases(&["auslesen", "sammeln"], &["Webseiten", "Produktpreise"]),
            phrases(&["extraire", "collecter"], &["pages web", "prix de produits"]),
            phrases(&["extraer", "recopilar"], &["páginas web", "precios de productos"]),
            phrases(&["сбор", "парсинг"], &["сайтов", "цен магазинов"]),
        ],
    },
    Topic {
        kind: ServiceKind::Custom,
        price: 20,
        phrases: [
            phrases(
                &["translate", "localize", "proofread"],
                &["contracts", "legal documents", "user manuals", "subtitles"],
            ),
            phrases(&["übersetzen", "lektorieren"], &["Verträge", "Handbücher"]),
            phrases(&["traduire", "relire"], &["contrats", "documents juridiques"]),
            phrases(&["traducir", "corregir"], &["contratos", "documentos legales"]),
            phrases(&["перевод", "вычитка"], &["договоров", "документов"]),
        ],
    },
    Topic {
        kind: ServiceKind::Computation,
        price: 40,
        phrases: [
            phrases(
                &["train", "finetune", "optimize"],
                &["neural networks", "language models", "image classifiers"],
            ),
            phrases(&["trainieren", "optimieren"], &["neuronale Netze", "Sprachmodelle"]),
            phrases(&["entraîner", "optimiser"], &["réseaux de neurones", "modèles de langue"]),
            phrases(&["entrenar", "optimizar"], &["redes neuronales", "modelos de lenguaje"]),
            phrases(&["обучение", "настройка"], &["нейросетей", "языковых моделей"]),
        ],
    },
    Topic {
        kind: ServiceKind::Computation,
        price: 30,
        phrases: [
            phrases(
                &["render", "animate", "rasterize"],
                &["3d scenes", "product videos", "architectural models"],
            ),
            phrases(&["rendern", "animieren"], &["3D Szenen", "Produktvideos"]),
            phrases(&["calculer", "animer"], &["scènes 3d", "vidéos de produits"]),
            phrases(&["renderizar", "animar"], &["escenas 3d", "vídeos de productos"]),
            phrases(&["рендеринг", "анимация"], &["сцен", "роликов"]),
        ],
    },
    Topic {
        kind: ServiceKind::Storage,
        price: 3,
        phrases: [
            phrases(
                &["archive", "store", "preserve", "replicate"],
                &["encrypted backups", "database snapshots", "log archives"],
            ),
            phrases(&["archivieren", "aufbewahren"], &["Sicherungen", "Protokolle"]),
            phrases(&["archiver", "conserver"], &["sauvegardes", "journaux"]),
            phrases(&["archivar", "guardar"], &["copias de seguridad", "registros"]),
            phrases(&["хранение", "архивация"], &["резервных копий", "журналов"]),
        ],
    },
    Topic {
        kind: ServiceKind::Storage,
        price: 4,
        phrases: [
            phrases(
                &["host", "serve", "distribute", "mirror"],
                &["static websites", "media libraries", "software packages"],
            ),
            phrases(&["hosten", "spiegeln"], &["statische Webseiten", "Mediatheken"]),
            phrases(&["héberger", "distribuer"], &["sites statiques", "médiathèques"]),
            phrases(&["alojar", "distribuir"], &["sitios estáticos", "bibliotecas de medios"]),
            phrases(&["хостинг", "раздача"], &["статических сайтов", "медиатек"]),
        ],
    },
    Topic {
        kind: ServiceKind::Analysis,
        price: 15,
        phrases: [
            phrases(
                &["classify", "score", "analyze", "measure"],
                &["sentiment", "customer reviews", "survey answers", "opinions"],
            ),
            phrases(&["auswerten", "einstufen"], &["Stimmung", "Kundenbewertungen"]),
            phrases(&["analyser", "classer"], &["sentiments", "avis clients"]),
            phrases(&["analizar", "clasificar"], &["sentimiento", "opiniones de clientes"]),
            phrases(&["анализ", "оценка"], &["тональности", "отзывов"]),
        ],
    },
    Topic {
        kind: ServiceKind::Analysis,
        price: 25,
        phrases: [
            phrases(
                &["forecast", "predict", "estimate", "project"],
                &["sales figures", "energy demand", "stock levels", "time series"],
            ),
            phrases(&["vorhersagen", "schätzen"], &["Umsätze", "Energiebedarf"]),
            phrases(&["prévoir", "estimer"], &["ventes", "demande énergétique"]),
            phrases(&["pronosticar", "estimar"], &["ventas", "demanda energética"]),
            phrases(&["прогноз", "оценка"], &["продаж", "спроса"]),
        ],
    },
    Topic {
        kind: ServiceKind::Analysis,
        price: 60,
        phrases: [
            phrases(
                &["audit", "review", "inspect", "verify"],
                &["smart contracts", "source code", "security policies"],
            ),
            phrases(&["prüfen", "begutachten"], &["Quelltext", "Sicherheitsregeln"]),
            phrases(&["auditer", "vérifier"], &["code source", "contrats intelligents"]),
            phrases(&["auditar", "revisar"], &["código fuente", "contratos inteligentes"]),
            phrases(&["аудит", "проверка"], &["исходного кода", "смарт контрактов"]),
        ],
    },
    Topic {
        kind: ServiceKind::Custom,
        price: 18,
        phrases: [
            phrases(
                &["write", "draft", "compose", "edit"],
                &["blog articles", "press releases", "product descriptions", "newsletters"],
            ),
            phrases(&["schreiben", "verfassen"], &["Artikel", "Pressemitteilungen"]),
            phrases(&["rédiger", "écrire"], &["articles de blog", "communiqués"]),
            phrases(&["escribir", "redactar"], &["artículos", "boletines"]),
            phrases(&["написание", "редактура"], &["статей", "рассылок"]),
        ],
    },
    Topic {
        kind: ServiceKind::DataProcessing,
        price: 8,
        phrases: [
            phrases(
                &["transcribe", "caption", "convert"],
                &["audio recordings", "podcasts", "meeting videos", "interviews"],
            ),
            phrases(&["transkribieren", "verschriftlichen"], &["Aufnahmen", "Interviews"]),
            phrases(&["transcrire", "sous-titrer"], &["enregistrements", "réunions"]),
            phrases(&["transcribir", "subtitular"], &["grabaciones", "reuniones"]),
            phrases(&["расшифровка", "субтитры"], &["записей", "интервью"]),
        ],
    },
];

/// What sellers write around it, in the order of [`LANGUAGES`].
pub(crate) const FILLERS: [&[&str]; 5] = [
    &[
        "fast and reliable delivery",
        "results in json or plain text",
        "thousands of happy agents",
        "ask for a sample before you buy",
        "handles large volumes every day",
        "quality checked by a second agent",
        "available around the clock",
        "your data is deleted after delivery",
    ],
    &["schnelle Lieferung", "geprüfte Qualität", "rund um die Uhr verfügbar", "Ergebnis als JSON"],
    &["livraison rapide", "qualité vérifiée", "disponible jour et nuit", "résultat en json"],
    &["entrega rápida", "calidad verificada", "disponible día y noche", "resultado en json"],
    &["быстрая доставка", "проверенное качество", "круглосуточно", "результат в json"],
];
