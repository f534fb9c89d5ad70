import CPoppler
import ExtractionWire

/// A PDF's bookmarks. Cycles are cut by the number of entries.
enum PopplerOutline {
    private static let deepest = 32

    static func entries(of document: OpaquePointer) -> [OutlineEntry] {
        var entries: [OutlineEntry] = []
        if let iterator = poppler_index_iter_new(document) {
            defer { poppler_index_iter_free(iterator) }
            walk(iterator, level: 1, &entries)
        }
        return entries
    }

    private static func walk(_ iterator: OpaquePointer, level: Int, _ entries: inout [OutlineEntry]) {
        guard level <= deepest else { return }
        repeat {
            guard entries.count < DocumentNotes.maximumList else { return }
            if let action = poppler_index_iter_get_action(iterator) {
                defer { poppler_action_free(action) }
                if let title = action.pointee.any.title {
                    entries.append(OutlineEntry(level: level, title: String(cString: title)))
                }
            }
            if let child = poppler_index_iter_get_child(iterator) {
                defer { poppler_index_iter_free(child) }
                walk(child, level: level + 1, &entries)
            }
        } while poppler_index_iter_next(iterator) != 0
    }
}
