//! Tells whether a Windows kernel driver can live with memory integrity (HVCI)

#![forbid(unsafe_code)]
