//! Structs in Compose's canonical form: every field may be absent, and what is absent is not written.

use indexmap::IndexMap;

macro_rules! canonical {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident : $kind:tt $(<$($inner:ty),+>)? ,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $name {
            $(
                $(#[$field_meta])*
                #[serde(skip_serializing_if = "Absent::absent")]
                pub $field: $kind $(<$($inner),+>)?,
            )*
        }
    };
}

/// Values that canonical form leaves out.
pub(crate) trait Absent {
    fn absent(&self) -> bool;
}
impl<T> Absent for Option<T> {
    fn absent(&self) -> bool {
        self.is_none()
    }
}
impl<T> Absent for Vec<T> {
    fn absent(&self) -> bool {
        self.is_empty()
    }
}
impl<K, V> Absent for IndexMap<K, V> {
    fn absent(&self) -> bool {
        self.is_empty()
    }
}
impl Absent for bool {
    fn absent(&self) -> bool {
        !*self
    }
}
impl Absent for String {
    fn absent(&self) -> bool {
        self.is_empty()
    }
}

impl Absent for u16 {
    fn absent(&self) -> bool {
        false
    }
}

pub(crate) use canonical;
