"""The messages table in PostgREST's form, as far as a chat built on supabase-js uses it."""
