/// Text of the source that is not in the document's text, and why.
package struct Omission: Equatable, Sendable {
    package enum Reason: UInt8, CaseIterable, Sendable {
        /// Files written as text (base64).
        case encodedFile = 1
        /// Lines and parts that cannot be read.
        case damaged = 2
        /// Navigation, sidebars and footers of a web page.
        case boilerplate = 3
        /// Headers, footers and page numbers, each but for its first.
        case running = 4
        /// Numbers that count lines.
        case lineNumbers = 5
        /// Text that was deleted or moved away, and prompts of forms.
        case revision = 6
        /// Characters that the page holds and its layout does not.
        case layout = 7

        /// As flags have it.
        package var name: String {
            switch self {
            case .encodedFile: "encoded_file"
            case .damaged: "damaged"
            case .boilerplate: "navigation"
            case .running: "running_lines"
            case .lineNumbers: "line_numbers"
            case .revision: "deleted_text"
            case .layout: "layout"
            }
        }
    }

    package var reason: Reason
    /// Without white space.
    package var characters: Int

    package init(_ reason: Reason, characters: Int) { (self.reason, self.characters) = (reason, characters) }
}
