// SPDX-License-Identifier: Apache-2.0
//! Handles into an index's tables. Each is a row number that its own table gave out.

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            /// The row, for indexing columns.
            #[inline]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

handle!(
    /// An interned byte string: a function's, a file's or a thread's name.
    StringId
);
handle!(
    /// A location: function, file and line. Row 0 is [`LocationId::NONE`].
    LocationId
);
handle!(
    /// A node of the call tree. Row 0 is the root; parents come before children.
    NodeId
);
handle!(
    /// An allocation site: a stack, the thread that ran it and the allocator it called.
    SiteId
);
handle!(
    /// A thread, by order of first sight in the capture.
    ThreadIndex
);

impl LocationId {
    /// No location: memory with no Python stack.
    pub const NONE: Self = Self(0);
}

impl NodeId {
    /// The root, which every stack begins with.
    pub const ROOT: Self = Self(0);
}
