import Testing

extension Tag {
    /// Takes over 5 s in a release build: CONTRIBUTING lists these tests.
    @Tag package static var long: Self
}
