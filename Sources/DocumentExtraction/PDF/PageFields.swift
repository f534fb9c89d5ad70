import CPoppler

/// What people put on a page that is none of its text: values of form fields, and annotations.
struct PageFields {
    /// Values in their place, as a reader sees them.
    private(set) var values: [(text: String, box: CharacterBox)] = []
    /// Notes, which a reader opens.
    private(set) var notes: [String] = []

    private static let mostFields = 5000
    private static let longest = 65_536
    /// Letters of values are no larger, in points, whatever the height of their field.
    private static let largest: Float = 10

    var isEmpty: Bool { values.isEmpty && notes.isEmpty }

    init(_ page: OpaquePointer, height: Float) {
        let fields = poppler_page_get_form_field_mapping(page)
        defer { poppler_page_free_form_field_mapping(fields) }
        Self.forEach(fields, PopplerFormFieldMapping.self) { mapping in
            guard let field = mapping.field, let value = Self.value(of: field) else { return }
            add(value, mapping.area, height)
        }
        let annotations = poppler_page_get_annot_mapping(page)
        defer { poppler_page_free_annot_mapping(annotations) }
        Self.forEach(annotations, PopplerAnnotMapping.self) { mapping in
            guard let annotation = mapping.annot else { return }
            let contents = { PopplerDocument.take(poppler_annot_get_contents(annotation)) }
            switch poppler_annot_get_annot_type(annotation) {
            case POPPLER_ANNOT_FREE_TEXT: add(contents(), mapping.area, height)
            case POPPLER_ANNOT_TEXT, POPPLER_ANNOT_HIGHLIGHT, POPPLER_ANNOT_UNDERLINE, POPPLER_ANNOT_SQUIGGLY,
                POPPLER_ANNOT_STRIKE_OUT, POPPLER_ANNOT_STAMP, POPPLER_ANNOT_CARET, POPPLER_ANNOT_SQUARE,
                POPPLER_ANNOT_CIRCLE, POPPLER_ANNOT_INK:
                let note = contents()
                if !note.allSatisfy(\.isWhitespace), note.utf8.count <= Self.longest { notes.append(note) }
            default: break
            }
        }
    }

    private static func forEach<Mapping>(
        _ list: UnsafeMutablePointer<GList>?,
        _ type: Mapping.Type,
        _ body: (Mapping) -> Void
    ) {
        var (item, count) = (list, 0)
        while let entry = item, count < mostFields {
            if let data = cpoppler_data(entry) { body(data.assumingMemoryBound(to: type).pointee) }
            item = cpoppler_next(entry)
            count += 1
        }
    }

    /// Nil where the field is empty, off, or a password.
    private static func value(of field: OpaquePointer) -> String? {
        switch poppler_form_field_get_field_type(field) {
        case POPPLER_FORM_FIELD_TEXT:
            guard poppler_form_field_text_is_password(field) == 0 else { return nil }
            return PopplerDocument.take(poppler_form_field_text_get_text(field))
        case POPPLER_FORM_FIELD_CHOICE:
            let count = min(Int(poppler_form_field_choice_get_n_items(field)), mostFields)
            let chosen = (0..<max(0, count)).map(Int32.init).filter {
                poppler_form_field_choice_is_item_selected(field, $0) != 0
            }
            let items = chosen.map { PopplerDocument.take(poppler_form_field_choice_get_item(field, $0)) }
            return items.isEmpty
                ? PopplerDocument.take(poppler_form_field_choice_get_text(field)) : items.joined(separator: ", ")
        case POPPLER_FORM_FIELD_BUTTON:
            guard poppler_form_field_button_get_button_type(field) != POPPLER_FORM_BUTTON_PUSH,
                poppler_form_field_button_get_state(field) != 0
            else { return nil }
            let names = [poppler_form_field_get_alternate_ui_name(field), poppler_form_field_get_partial_name(field)]
            return names.map { PopplerDocument.take($0) }.first { !$0.isEmpty }.map { "[x] \($0)" }
        default: return nil
        }
    }

    /// Areas are counted from the bottom of the page.
    private mutating func add(_ text: String, _ area: PopplerRectangle, _ height: Float) {
        guard !text.allSatisfy(\.isWhitespace), text.utf8.count <= Self.longest else { return }
        let box = CharacterBox(
            left: Float(min(area.x1, area.x2)),
            top: height - Float(max(area.y1, area.y2)),
            right: Float(max(area.x1, area.x2)),
            bottom: height - Float(min(area.y1, area.y2))
        )
        guard [box.left, box.top, box.right, box.bottom].allSatisfy(\.isFinite) else { return }
        values.append((text, box))
    }

    /// Appends the values to a page's text, each as lines of their own with a box for each scalar.
    func append(to text: inout [UInt8], _ boxes: inout [CharacterBox]) {
        for (value, area) in values {
            let lines = value.split(whereSeparator: \.isNewline)
            let size = min(max(area.height * 0.7, 4), Self.largest)
            // A single line stands in the middle of its field.
            var top = lines.count > 1 ? area.top : (area.top + area.bottom - size) / 2
            for line in lines {
                let scalars = line.unicodeScalars
                let width = min(area.width / Float(max(scalars.count, 1)), size / 2)
                text.append(0x0A)
                boxes.append(CharacterBox(left: area.left, top: top, right: area.left, bottom: top + size))
                text.append(contentsOf: line.utf8)
                for place in 0..<scalars.count {
                    let left = area.left + Float(place) * width
                    boxes.append(CharacterBox(left: left, top: top, right: left + width, bottom: top + size))
                }
                top += size * 1.2
            }
        }
    }
}
