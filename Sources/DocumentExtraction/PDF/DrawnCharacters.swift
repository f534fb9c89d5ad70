import CPopplerTuning

/// The characters that poppler has read since they were last looked at, in the order of the page's content; valid until it reads the next one. One thread.
enum DrawnCharacters {
    /// Those that run from left to right; none where poppler has others beside them.
    static func upright() -> UnsafeBufferPointer<poppler_tuning_character> {
        var first: UnsafePointer<poppler_tuning_character>?
        let count = poppler_tuning_take_upright(&first)
        return UnsafeBufferPointer(start: first, count: count)
    }

    /// Those that do not.
    static func turned() -> UnsafeBufferPointer<poppler_tuning_character> {
        var first: UnsafePointer<poppler_tuning_character>?
        let count = poppler_tuning_take_turned(&first)
        return UnsafeBufferPointer(start: first, count: count)
    }

    /// Where the page is filled with one colour.
    static func fills() -> UnsafeBufferPointer<poppler_tuning_fill> {
        var first: UnsafePointer<poppler_tuning_fill>?
        let count = poppler_tuning_take_fills(&first)
        return UnsafeBufferPointer(start: first, count: count)
    }

    /// Before a page is read: what is left of another is none of its text.
    static func discard() { _ = (upright(), turned(), fills()) }
}
