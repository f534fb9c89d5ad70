/// What is known of a document in addition to its text.
package struct DocumentNotes: Equatable, Sendable {
    /// As the document states it, in ISO 8601 where its format is known; empty where it is silent.
    package var created = ""
    package var modified = ""
    /// Bookmarks, in order.
    package var outline: [OutlineEntry] = []
    /// Targets of links, each once, in the order of the text; at most `maximumList`.
    package var links: [String] = []
    /// Names of attached or embedded files; at most `maximumList`.
    package var attachments: [String] = []
    /// Headers and footers that were taken out of the text, each once; at most `maximumList`.
    package var runningLines: [String] = []
    package var pagesWithoutText = 0
    /// Pages and attachments that show pictures and no text, and were not read: only OCR can read them.
    package var pictures = 0
    /// Pages whose text was read from pictures.
    package var recognized = 0
    /// Characters in the text that are not visible on the page (off the page, tiny, white), and marks taken out that hide or turn text.
    package var hiddenCharacters = 0
    /// Pages with text that is not drawn: the layer of a scan, or words for machines alone.
    package var pagesWithInvisibleText = 0
    /// What of the source is not in the text, each reason once.
    package var omissions: [Omission] = []
    /// The format that the name or the Content-Type promised, where the content is another; else empty.
    package var promised = ""
    /// How much the text looks like text: 1 is clean, 0 is garbage.
    package var quality = 1.0

    package static let maximumList = 1000

    package init() {}

    /// The share of the source's characters that was left out for one reason, where the text has so many.
    package func share(_ reason: Omission.Reason, of text: Int) -> Double {
        let left = omissions.first { $0.reason == reason }?.characters ?? 0
        return left > 0 ? Double(left) / Double(left + text) : 0
    }

    /// The share of the source's characters that were left out for any reason, in percent: 1 at least where there are some.
    package func leftOutPercent(of text: Int) -> Int {
        let left = omissions.reduce(0) { $0 + $1.characters }
        return left > 0 ? max(1, Int((Double(left) / Double(left + text) * 100).rounded())) : 0
    }

    /// `quality` in percent.
    package var percent: Int { Int((quality * 100).rounded()) }

    /// What readers may filter by, as the index's `flags` has it.
    package var flags: [String] {
        var flags: [String] = []
        if hiddenCharacters > 0 || pagesWithInvisibleText > 0 { flags.append("hidden_text") }
        if pagesWithoutText > 0 { flags.append("pages_without_text") }
        if pictures > 0 { flags.append("needs_ocr") }
        if recognized > 0 { flags.append("ocr") }
        if !attachments.isEmpty { flags.append("attachments") }
        if !promised.isEmpty { flags.append("format_mismatch") }
        flags += omissions.map { "left_out_\($0.reason.name)" }
        return flags
    }
}

package struct OutlineEntry: Equatable, Sendable {
    /// From 1.
    package var level: Int
    package var title: String

    package init(level: Int, title: String) {
        self.level = level
        self.title = title
    }
}
