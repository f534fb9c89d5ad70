/// What automatic styles say that matters for reading: which hide what they are given to, and which raise it (ODF 1.3 part 3, §20.344, §20.416, §19.734).
struct OpenDocumentStyles {
    private(set) var hiding: Set<String> = []
    private(set) var raising: Set<String> = []
    private var style = ""

    mutating func begin(_ attributes: MarkupAttributes) { style = attributes["name"] ?? "" }

    mutating func add(_ attributes: MarkupAttributes) {
        if attributes["display"] == "false" || attributes["display"] == "none" || attributes["visibility"] == "hidden" {
            hiding.insert(style)
        }
        if attributes["text-position"]?.hasPrefix("super") == true { raising.insert(style) }
    }
}
