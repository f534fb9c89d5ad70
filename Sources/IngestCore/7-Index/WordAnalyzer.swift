import TextCoding

/// A language whose words are matched in the form that an analyzer of OpenSearch gives them: plural and singular, inflected forms, and parts of compounds.
package enum WordAnalyzer: String, CaseIterable, Sendable {
    case arabic = "ar"
    case armenian = "hy"
    case basque = "eu"
    case bengali = "bn"
    case bulgarian = "bg"
    case catalan = "ca"
    case chinese = "zh"
    case czech = "cs"
    case danish = "da"
    case dutch = "nl"
    case english = "en"
    case estonian = "et"
    case finnish = "fi"
    case french = "fr"
    case galician = "gl"
    case german = "de"
    case greek = "el"
    case hindi = "hi"
    case hungarian = "hu"
    case indonesian = "id"
    case irish = "ga"
    case italian = "it"
    case japanese = "ja"
    case korean = "ko"
    case kurdish = "ckb"
    case latvian = "lv"
    case lithuanian = "lt"
    case norwegian = "no"
    case persian = "fa"
    case portuguese = "pt"
    case romanian = "ro"
    case russian = "ru"
    case spanish = "es"
    case swedish = "sv"
    case thai = "th"
    case turkish = "tr"

    /// - Parameter tag: BCP 47 (`de-AT`).
    package init?(tag: String) {
        let language = tag.split(whereSeparator: { $0 == "-" || $0 == "_" }).first.map { $0.lowercased() } ?? ""
        let known = ["nb": "no", "nn": "no", "ku": "ckb"]
        self.init(rawValue: known[language] ?? language)
    }

    /// The field that has the words of documents in this language.
    package var field: String { "words_\(rawValue)" }

    /// Languages that write compounds as one word: their parts are found as well.
    private var writesCompounds: Bool {
        switch self {
        case .german, .dutch, .swedish, .danish, .norwegian, .finnish, .hungarian, .estonian: true
        default: false
        }
    }

    /// OpenSearch's own name for the analyzer.
    private var name: String {
        switch self {
        case .chinese, .japanese, .korean: "cjk"
        case .kurdish: "sorani"
        default: "\(self)"
        }
    }

    /// The filters that `name` is made of before its stemmer, for those that compounds are added to.
    private var filters: [String] {
        switch self {
        case .german: ["lowercase", "\(self)_stop", "german_normalization"]
        case .swedish, .danish, .norwegian: ["lowercase", "\(self)_stop", "scandinavian_folding"]
        default: ["lowercase", "\(self)_stop"]
        }
    }

    private var stemmer: String { self == .german ? "light_german" : "\(self)" }

    /// The name in the mapping: of documents, and of questions.
    private var analyzers: (index: String, search: String) {
        writesCompounds ? ("\(self)_compounds", "\(self)_words") : (name, name)
    }

    /// - Parameter isPlain: on a server without analyzers.
    func write(_ fields: inout JSONWriter, isPlain: Bool) {
        fields.object(field) {
            $0.field("type", "text")
            if isPlain { return }
            $0.field("analyzer", analyzers.index)
            if analyzers.search != analyzers.index { $0.field("search_analyzer", analyzers.search) }
        }
    }

    /// The analyzer of questions to `words`: in a small index a stop word is as rare as any other.
    static let questionWords = "question_words"

    /// `analysis` of the index's settings: the analyzers that are not OpenSearch's own. The beginnings and the ends of a long word are found as well, which are the parts of
    /// most compounds: that needs no dictionary on the server.
    static func analysis(_ settings: inout JSONWriter) {
        let compounding = allCases.filter(\.writesCompounds)
        settings.object("analysis") { analysis in
            analysis.object("filter") { filters in
                for language in compounding {
                    filters.object("\(language)_stop") {
                        $0.field("type", "stop")
                        $0.field("stopwords", "_\(language)_")
                    }
                    filters.object("\(language)_stem") {
                        $0.field("type", "stemmer")
                        $0.field("language", language.stemmer)
                    }
                    // Each part gets a stem of its own, as the question's word does.
                    filters.object("\(language)_parts") {
                        let stem = "\(language)_stem"
                        $0.field("type", "multiplexer")
                        $0.field("filters", [stem, "beginnings,\(stem)", "reverse,ends,reverse,\(stem)"])
                        $0.field("preserve_original", false)
                    }
                }
                for (name, size) in [("beginnings", 5), ("ends", 4)] {
                    filters.object(name) {
                        $0.field("type", "edge_ngram")
                        $0.field("min_gram", size)
                        $0.field("max_gram", 20)
                    }
                }
            }
            analysis.object("analyzer") { analyzers in
                analyzers.object(questionWords) {
                    $0.field("type", "standard")
                    $0.field("stopwords", "_english_")
                }
                for language in compounding {
                    let (index, search) = language.analyzers
                    for (name, last) in [(index, "\(language)_parts"), (search, "\(language)_stem")] {
                        analyzers.object(name) {
                            $0.field("type", "custom")
                            $0.field("tokenizer", "standard")
                            $0.field("filter", language.filters + [last])
                        }
                    }
                }
            }
        }
    }
}
