//! What a sealed text is bound to.

/// The fields, each after its length, on the stack if they fit: every request that opens a session needs them once.
#[expect(
    clippy::large_enum_variant,
    reason = "it is on the stack to save an allocation"
)]
pub(super) enum AssociatedData {
    Short([u8; Self::SHORT], usize),
    Long(Vec<u8>),
}

impl AssociatedData {
    /// Enough for a label, a cookie's name and an origin of usual length.
    const SHORT: usize = 256;

    pub(super) fn of(fields: [&[u8]; 5]) -> Self {
        let mut short = [0; Self::SHORT];
        let mut end = 0;
        for field in fields {
            let start = end + LENGTH_LEN;
            let after = start + field.len();
            if after > short.len() {
                return Self::Long(with_lengths(fields));
            }
            short[end..start].copy_from_slice(&(field.len() as u64).to_be_bytes());
            short[start..after].copy_from_slice(field);
            end = after;
        }
        Self::Short(short, end)
    }
}

impl AsRef<[u8]> for AssociatedData {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Short(data, length) => &data[..*length],
            Self::Long(data) => data,
        }
    }
}

/// The size of a length, in bytes.
const LENGTH_LEN: usize = 8;

/// The fields, each after its length, so that different fields never give the same bytes.
pub(super) fn with_lengths<'a, I>(fields: I) -> Vec<u8>
where
    I: IntoIterator<Item = &'a [u8], IntoIter: Clone>,
{
    let fields = fields.into_iter();
    let mut data = Vec::with_capacity(fields.clone().map(|field| field.len() + LENGTH_LEN).sum());
    for field in fields {
        data.extend_from_slice(&(field.len() as u64).to_be_bytes());
        data.extend_from_slice(field);
    }
    data
}
