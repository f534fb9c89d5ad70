import CommandLineOptions
import IngestCore

/// `ingestctl fields`.
struct FieldsCommand: TableCommand {
    static let declaration = CommandDeclaration(
        name: "fields",
        summary: "print the table of the index's fields",
        example: "fields",
        needs: .nothing
    )

    /// The table of `docs/index.md`, from the fields that `setup` makes.
    static var markdown: String {
        let rows = IndexField.all.map { row($0.name, $0.kind.rawValue, $0.meaning, $0.example) } + others
        return
            "Version \(IndexField.contractVersion) of the fields.\n\n| field | type | meaning | example of a clause |\n| --- | --- | --- | --- |\n"
            + rows.joined()
    }

    private static var others: [String] {
        let languages = WordAnalyzer.allCases.map(\.rawValue).sorted().joined(separator: ", ")
        return [
            row(
                "words_LANGUAGE",
                "text",
                "context and text by the analyzer of the document's language: \(languages)",
                #"{"multi_match": {"query": "boats", "type": "most_fields", "fields": ["words", "words_en"]}}"#
            ),
            row(
                "metadata",
                "flat_object, or an object of METADATA_FIELDS",
                "`source`, `page` and `title`, and the attributes of the object: S3's user metadata, tags, sidecar",
                #"{"term": {"metadata.department": "finance"}}"#
            ),
            row(
                "vector",
                "knn_vector",
                "of unit length, so that the inner product is the cosine; leave it out of hits",
                #"{"knn": {"vector": {"vector": [0.1, …], "k": 200}}}"#
            ),
        ]
    }

    private static func row(_ name: String, _ type: String, _ meaning: String, _ example: String) -> String {
        let clause = example.isEmpty ? "" : "`\(example.replacing("|", with: "\\|"))`"
        return "| `\(name)` | \(type) | \(meaning) | \(clause) |\n"
    }
}
