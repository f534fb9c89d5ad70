/// What an HTML element means to a reader of text.
struct HTMLElement {
    enum Role {
        /// Stands inside a line.
        case inline
        /// Ends what came before and begins a paragraph.
        case block
        case heading(UInt8)
        case listItem
        case table
        case row
        case cell(isHead: Bool)
        case preformatted
        case lineBreak
        /// A power or the number of a note.
        case raised
        case link
        case title
        case metadata
        case root
        /// The question of an accordion, or a control.
        case button
        /// Its alternative text stands for it.
        case picture
        /// A letter, number or sign of a formula (MathML).
        case token
        case drawing
        /// Words of a drawing.
        case drawnText
        /// No text for readers: scripts, styles, controls.
        case skipped
    }

    var role: Role
    /// The element itself says that it is no part of what the page is about.
    var isBoilerplate = false
    /// Its id says so, which may be the slug of a heading as well.
    var hasBoilerplateID = false
    /// The element itself says that it is what the page is about.
    var isMain = false
    /// Holds blocks: its class and id say what for.
    var isContainer = false

    init(_ name: String) {
        role =
            switch name {
            case "script", "style", "template", "noscript", "annotation", "annotation-xml", "iframe", "object",
                "select", "textarea", "rt", "rp":
                .skipped
            case "button": .button
            case "img": .picture
            case "mi", "mn", "mo", "mtext", "ms": .token
            case "svg": .drawing
            case "text": .drawnText
            case "h1", "h2", "h3", "h4", "h5", "h6": .heading(name.utf8.last! - 0x30)
            case "li", "dt", "dd": .listItem
            case "tr": .row
            case "td": .cell(isHead: false)
            case "th": .cell(isHead: true)
            case "table": .table
            case "pre": .preformatted
            case "br", "hr": .lineBreak
            case "sup": .raised
            case "a": .link
            case "title": .title
            case "meta": .metadata
            case "html": .root
            case "p", "div", "ul", "ol", "dl", "section", "article", "header", "footer", "nav", "body", "main",
                "aside", "figure",
                "figcaption", "form", "blockquote", "address", "caption", "details", "summary", "fieldset", "center":
                .block
            default: .inline
            }
        isBoilerplate = ["nav", "aside", "footer"].contains(name)
        isMain = name == "main"
        isContainer = [
            "div", "section", "ul", "ol", "table", "header", "form", "p", "td", "li", "article", "span", "dl",
        ].contains(name)
    }

    /// Words in classes, ids and roles that name what is around the content of pages, whatever stands beside them.
    private static let boilerplate = WordSet(
        """
        nav navbar navigation menu menubar sidebar sidenav footer breadcrumb breadcrumbs masthead navbox editsection catlinks noprint sphinxsidebar \
        sphinxsidebarwrapper navheader navfooter headerlink contentinfo complementary skiplink topbar cookiebanner cookieconsent cookiebar
        """
    )
    /// Words that name it where nothing but `structure` stands beside them: a "cookie-banner" is none of the content, a "cookie-policy" may be all of it.
    private static let topics = WordSet(
        """
        cookie cookies gdpr advert advertisement ads social share sharing pagination pager newsletter promo popup modal related skip toolbar subscribe
        """
    )
    private static let structure = WordSet(
        """
        site main page global top bottom left right primary secondary container wrapper wrap inner outer box bar banner block area section list lists \
        link links item items button buttons btn icon icons widget widgets header heading title notice consent overlay dialog form signup panel content \
        media post posts article articles stories to js mobile desktop floating fixed sticky row col
        """
    )
    /// "has-sidebar" and "with-nav" name what a wrapper of everything has inside.
    private static let wrappers = WordSet("has with no main page")
    private static let main = WordSet("main content main-content maincontent bodycontent mw-content-text article")
    private static let roleMain = WordSet.hash("main".utf8)

    /// What an element's role, id and class add.
    mutating func look(at attributes: MarkupAttributes) {
        attributes.forEach { name, value in
            switch name.count {
            case 2 where name.elementsEqual("id".utf8):
                if Self.main.contains(WordSet.hash(value)) {
                    isMain = true
                } else if Self.isBoilerplate(value) {
                    hasBoilerplateID = true
                }
            case 4 where name.elementsEqual("role".utf8):
                if WordSet.hash(value) == Self.roleMain {
                    isMain = true
                } else if Self.isBoilerplate(value) {
                    isBoilerplate = true
                }
            case 5 where name.elementsEqual("class".utf8): if Self.isBoilerplate(value) { isBoilerplate = true }
            case 6 where name.elementsEqual("hidden".utf8): isBoilerplate = true
            case 11 where name.elementsEqual("aria-hidden".utf8):
                if value.elementsEqual("true".utf8) { isBoilerplate = true }
            default: break
            }
        }
    }

    /// The sign beside a heading that links to it, as Sphinx, MkDocs, Docusaurus, VuePress and GitHub write it.
    static func isPermalink(_ names: UnsafeBufferPointer<UInt8>) -> Bool {
        var (hash, letters) = (WordSet.Hash(), 0)
        for byte in names {
            if byte > 0x20 {
                hash.add(byte)
                letters += 1
            } else {
                if letters > 0, permalinks.contains(hash.value) { return true }
                (hash, letters) = (WordSet.Hash(), 0)
            }
        }
        return letters > 0 && permalinks.contains(hash.value)
    }

    /// Whether the text of such a link is a sign or an instruction, and no heading.
    static func isPermalinkSign(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        let word = text.drop { $0 <= 0x20 }
        if !word.contains(where: { (0x61...0x7A).contains($0 | 0x20) || (0x30...0x39).contains($0) }) {
            return word.count <= 8
        }
        let small = String(decoding: word.prefix(16), as: UTF8.self).lowercased()
        return ["permalink", "permanent link", "link to", "direct link", "anchor"].contains { small.hasPrefix($0) }
    }

    /// The cell beside a listing that counts its lines, as Pygments, Rouge and GitHub write it.
    static func isLineNumbers(_ names: UnsafeBufferPointer<UInt8>) -> Bool {
        lineNumbers.contains(WordSet.hash(names))
    }

    /// Whether a style takes an element out of sight.
    static func isHidden(_ style: UnsafeBufferPointer<UInt8>) -> Bool {
        // Most styles say nothing of it, and pages are full of them.
        let ends = zip(style, style.dropFirst()).contains {
            $0 | 0x20 == 0x6E && $1 | 0x20 == 0x65 || $0 | 0x20 == 0x65 && $1 | 0x20 == 0x6E
        }
        guard ends else { return false }
        let plain = String(decoding: style.prefix(1024), as: UTF8.self).lowercased().filter { !$0.isWhitespace }
        return plain.contains("display:none") || plain.contains("visibility:hidden")
    }

    private static let lineNumbers = WordSet("linenos lineno rouge-gutter blob-num gutter")
    private static let permalinks = WordSet("headerlink anchor-link anchorjs-link hash-link permalink header-anchor")

    /// Names are apart by blanks, their words by anything else.
    private static func isBoilerplate(_ names: UnsafeBufferPointer<UInt8>) -> Bool {
        var (hash, letters) = (WordSet.Hash(), 0)
        var name = Name()
        for byte in names {
            if (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || byte >= 0x80 {
                hash.add(byte)
                letters += 1
                continue
            }
            if letters > 0 { name.add(hash.value) }
            (hash, letters) = (WordSet.Hash(), 0)
            guard byte <= 0x20 else { continue }
            if name.isBoilerplate { return true }
            name = Name()
        }
        if letters > 0 { name.add(hash.value) }
        return name.isBoilerplate
    }

    /// One name, word by word.
    private struct Name {
        private var isFirst = true
        private var isWrapper = false
        private var isAround = false
        private var isTopic = false
        private var hasOthers = false

        var isBoilerplate: Bool { !isWrapper && (isAround || isTopic && !hasOthers) }

        mutating func add(_ word: UInt64) {
            if isFirst, wrappers.contains(word) { isWrapper = true }
            isFirst = false
            if boilerplate.contains(word) {
                isAround = true
            } else if topics.contains(word) {
                isTopic = true
            } else if !structure.contains(word) {
                hasOthers = true
            }
        }
    }
}
