//! When an extension of the protocol is used that some providers require and others do not know, such as pushed
//! authorization requests ([RFC 9126 §5](https://www.rfc-editor.org/rfc/rfc9126#section-5)).

/// When an extension of the protocol is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Usage {
    /// When the provider or the security profile requires it. The default.
    #[default]
    WhenRequired,
    /// Always. A provider without it is an error.
    Always,
    /// Never. A provider that requires it is an error.
    Never,
}
