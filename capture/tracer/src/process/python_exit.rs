// SPDX-License-Identifier: Apache-2.0
//! The end of the program, told by Python: after its own `atexit` functions, before the interpreter is taken apart.
//!
//! Python's `atexit` calls last what was registered first, and the tracer registers before the program runs.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{null, null_mut};

type Object = *mut c_void;

/// `PyMethodDef`.
#[repr(C)]
struct MethodDefinition {
    name: *const c_char,
    call: extern "C" fn(Object, Object) -> Object,
    flags: c_int,
    documentation: *const c_char,
}

// SAFETY: it is never written to.
unsafe impl Sync for MethodDefinition {}

const METH_NOARGS: c_int = 4;

static STOP: MethodDefinition =
    MethodDefinition { name: c"stop_tracing".as_ptr(), call: stop, flags: METH_NOARGS, documentation: null() };

/// The functions that are needed, by name: the same in all versions.
struct Functions {
    import: unsafe extern "C" fn(*const c_char) -> Object,
    modules: unsafe extern "C" fn() -> Object,
    item: unsafe extern "C" fn(Object, *const c_char) -> Object,
    delete_item: unsafe extern "C" fn(Object, *const c_char) -> c_int,
    attribute: unsafe extern "C" fn(Object, *const c_char) -> Object,
    new_function: unsafe extern "C" fn(*const MethodDefinition, Object, Object) -> Object,
    call: unsafe extern "C" fn(Object, ...) -> Object,
    release: unsafe extern "C" fn(Object),
    clear_error: unsafe extern "C" fn(),
}

macro_rules! function {
    ($name:literal) => {{
        let name: &CStr = $name;
        // SAFETY: the name ends.
        let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
        if address.is_null() {
            return None;
        }
        // SAFETY: CPython's function of that name has the signature of the field that this goes to.
        unsafe { std::mem::transmute(address) }
    }};
}

impl Functions {
    fn find() -> Option<Self> {
        Some(Self {
            import: function!(c"PyImport_ImportModule"),
            modules: function!(c"PyImport_GetModuleDict"),
            item: function!(c"PyDict_GetItemString"),
            delete_item: function!(c"PyDict_DelItemString"),
            attribute: function!(c"PyObject_GetAttrString"),
            new_function: function!(c"PyCFunction_NewEx"),
            call: function!(c"PyObject_CallFunctionObjArgs"),
            release: function!(c"Py_DecRef"),
            clear_error: function!(c"PyErr_Clear"),
        })
    }
}

/// Has tracing stop at the program's end. To be called with the GIL held. Should Python refuse, the process's end is left.
pub(crate) fn register() {
    let Some(python) = Functions::find() else { return };
    // SAFETY: the GIL is held; each object is checked, and those that are ours are released once.
    unsafe {
        let modules = (python.modules)();
        let was_imported = !modules.is_null() && !(python.item)(modules, c"atexit".as_ptr()).is_null();
        let atexit = (python.import)(c"atexit".as_ptr());
        if !atexit.is_null() {
            let register = (python.attribute)(atexit, c"register".as_ptr());
            let stop = (python.new_function)(&STOP, null_mut(), null_mut());
            if !register.is_null() && !stop.is_null() {
                release(&python, (python.call)(register, stop, null_mut::<c_void>()));
            }
            release(&python, stop);
            release(&python, register);
            // Until 3.9 the functions are kept in the module, so there it stays.
            if !was_imported && keeps_functions_elsewhere() {
                (python.delete_item)(modules, c"atexit".as_ptr());
            }
            release(&python, atexit);
        }
        (python.clear_error)();
    }
}

/// # Safety
/// The GIL is held, and the object is ours or null.
unsafe fn release(python: &Functions, object: Object) {
    if !object.is_null() {
        // SAFETY: as the caller promises.
        unsafe { (python.release)(object) };
    }
}

/// Whether `atexit` keeps its functions in the interpreter rather than in the module: since 3.10.
fn keeps_functions_elsewhere() -> bool {
    // SAFETY: the name ends.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"Py_GetVersion".as_ptr()) };
    if address.is_null() {
        return false;
    }
    // SAFETY: the function of that name has this signature in all versions.
    let version = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn() -> *const c_char>(address) }();
    if version.is_null() {
        return false;
    }
    // SAFETY: the version is a text that ends.
    let version = unsafe { CStr::from_ptr(version) };
    ![b"3.8.", b"3.9."].iter().any(|old| version.to_bytes().starts_with(*old))
}

extern "C" fn stop(_: Object, _: Object) -> Object {
    super::session::stop();
    // SAFETY: the name ends. The symbol is Python's `None`, and the function adds a reference to it, as is due to the
    // caller; the GIL is held, as Python calls.
    unsafe {
        let none = libc::dlsym(libc::RTLD_DEFAULT, c"_Py_NoneStruct".as_ptr());
        let retain = libc::dlsym(libc::RTLD_DEFAULT, c"Py_IncRef".as_ptr());
        if !none.is_null() && !retain.is_null() {
            std::mem::transmute::<*mut c_void, unsafe extern "C" fn(Object)>(retain)(none);
        }
        none
    }
}
